/** What the fleet says of itself, asked every few seconds while somebody looks. */
import { signal } from '@preact/signals';
import { getJson, health } from '../hub/api';
import { fromHub } from '../hub/error';

export interface Ready {
  status: string;
  redis: string;
  instanceId?: string;
  version?: string;
  [more: string]: unknown;
}

/** One instance, as `GET /api/v1/instances` lists it. */
export interface Instance {
  id: string;
  version: string;
  uptimeMs?: number;
  startedAt?: string;
  redis?: string | { state?: string; [more: string]: unknown };
  /** By hub, then by transport. */
  connections?: Record<string, Record<string, number> | number>;
  [more: string]: unknown;
}

export const ready = signal<Ready | null>(null);
export const instances = signal<Instance[] | null>(null);
/** Why the instances are not shown. */
export const withheld = signal<string | null>(null);
export const unreachable = signal<string | null>(null);

const EVERY = 3_000;

/** The returned function stops it. */
export function watchFleet(): () => void {
  let isOver = false;
  const look = async (): Promise<void> => {
    await Promise.all([askReady(), askInstances()]);
    if (!isOver) setTimeout(look, EVERY);
  };
  void look();
  return () => (isOver = true);
}

async function askReady(): Promise<void> {
  try {
    ready.value = (await health<Ready>('/health/ready')).body;
    unreachable.value = null;
  } catch (error) {
    unreachable.value = String((error as Error).message ?? error);
  }
}

async function askInstances(): Promise<void> {
  try {
    const answer = await getJson<Instance[] | { items: Instance[] }>('/api/v1/instances');
    instances.value = Array.isArray(answer) ? answer : answer.items;
    withheld.value = null;
  } catch (error) {
    const { code, message } = fromHub(error);
    instances.value = null;
    withheld.value = code === 'forbidden' || code === 'unauthorized' ? 'Seeing the instances needs the role admin.' : message;
  }
}
