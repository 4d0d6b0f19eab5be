/** All backtests and bundles, live: one subscription to everything. */
import { signal } from '@preact/signals';
import type { BacktestHubEvents, BacktestSnapshot, BundleUpdated, CommandOutcome } from '../generated/hubs';
import { explain } from '../hub/error';
import { Held } from '../hub/held';
import { BACKTEST_EVENTS, backtestHub } from '../hub/hubs';
import { oncePerFrame } from '../ui/frames';
import { apply, fromSnapshot, type LiveBacktest, type Stamp } from './live';

const known = new Map<string, LiveBacktest>();
const knownBundles = new Map<string, BundleUpdated>();
export const backtests = signal<LiveBacktest[]>([]);
export const bundles = signal<BundleUpdated[]>([]);
export const loaded = signal(false);
export const problem = signal<string | null>(null);

const publish = oncePerFrame(() => {
  backtests.value = [...known.values()].map(backtest => ({ ...backtest })).sort((a, b) => b.createdAt.localeCompare(a.createdAt));
  bundles.value = [...knownBundles.values()];
});

const held = new Held<[string, Stamp]>(take);
let isWatching = false;

/** Begins to watch, once for the page's life. */
export function watchBacktests(): void {
  if (isWatching) return;
  isWatching = true;
  for (const name of BACKTEST_EVENTS) backtestHub.on(name, event => held.pass(name, event as Stamp));
  backtestHub.onReady(subscribe);
  backtestHub.start();
}

const subscribe = (): Promise<void> => held.shared(askForAll);

async function askForAll(): Promise<void> {
  const since = Object.fromEntries([...known].map(([id, { epoch, seq }]) => [id, { epoch, seq }]));
  try {
    const answer = await backtestHub.invoke('SubscribeBacktests', { since });
    const missed = answer.events as (Stamp & { type: keyof BacktestHubEvents })[];
    // An answer that tells nothing of a finished one says that it is gone.
    const told = new Set([...answer.snapshots, ...missed].map(({ backtestId }) => backtestId));
    for (const [id, backtest] of known) {
      if (!told.has(id) && backtest.state !== 'queued' && backtest.state !== 'running') known.delete(id);
    }
    for (const snapshot of answer.snapshots) known.set(snapshot.backtestId, fromSnapshot(snapshot, known.get(snapshot.backtestId)));
    for (const bundle of answer.bundles) knownBundles.set(bundle.bundleId, bundle);
    for (const { type, ...event } of missed) take(type, event);
    problem.value = null;
  } catch (error) {
    problem.value = explain(error);
  }
  loaded.value = true;
  publish();
}

function take(name: string, event: Stamp): void {
  if (name === 'BundleUpdated') {
    const bundle = event as unknown as BundleUpdated;
    knownBundles.set(bundle.bundleId, bundle);
  } else if (name === 'BacktestSnapshot') {
    const snapshot = event as unknown as BacktestSnapshot;
    const before = known.get(snapshot.backtestId);
    if (!before || before.epoch !== snapshot.epoch || before.seq <= snapshot.seq) known.set(snapshot.backtestId, fromSnapshot(snapshot, before));
  } else if (name === 'BacktestRemoved') {
    known.delete(event.backtestId);
  } else {
    const backtest = known.get(event.backtestId);
    if (backtest && apply(backtest, name, event) === 'missed') void subscribe();
  }
  publish();
}

export const cancel = (backtestId: string): Promise<CommandOutcome> => backtestHub.invoke('CancelBacktest', { backtestId });

/** What a backtest's page shows besides live events. */
export async function history(backtestId: string): Promise<void> {
  const page = { backtestId, limit: 200 };
  const [whole, trades, lines] = await Promise.all([
    backtestHub.invoke('GetBacktest', { backtestId }),
    backtestHub.invoke('GetTrades', page),
    backtestHub.invoke('GetLogs', page),
  ]);
  const before = known.get(backtestId);
  const backtest = before && before.seq > whole.seq ? before : fromSnapshot(whole, before);
  backtest.trades = trades.items;
  backtest.lines = lines.items;
  known.set(backtestId, backtest);
  publish();
}
