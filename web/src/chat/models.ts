/** The models there are, and the one that is asked; kept over visits. */
import { signal } from '@preact/signals';
import type { Model } from '../generated/hubs';
import { llmHub } from '../hub/hubs';

const KEY = 'managing-api.model';
export const models = signal<Model[]>([]);
/** Empty: the server's default. */
export const model = signal<string>(localStorage.getItem(KEY) ?? '');

export async function loadModels(): Promise<void> {
  models.value = await llmHub.invoke('ListModels');
}

export function choose(id: string): void {
  model.value = id;
  localStorage.setItem(KEY, id);
}
