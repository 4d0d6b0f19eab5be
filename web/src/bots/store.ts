/** All bots, live: one subscription to everything, which goes on after every new connection. */
import { signal } from '@preact/signals';
import { explain } from '../hub/error';
import { Held } from '../hub/held';
import { BOT_EVENTS, botHub } from '../hub/hubs';
import type { BotHubEvents, BotHubMethods, BotSnapshot, CommandOutcome } from '../generated/hubs';
import { oncePerFrame } from '../ui/frames';
import { apply, fromSnapshot, type CommandTold, type LiveBot, type Stamp } from './live';

const known = new Map<string, LiveBot>();
export const bots = signal<LiveBot[]>([]);
/** Whether the subscription's answer has come at least once. */
export const loaded = signal(false);
export const problem = signal<string | null>(null);
/** The last outcomes of commands, whoever gave them; newest first. */
export const outcomes = signal<CommandTold[]>([]);
export const alerts = signal<(Stamp & { severity: string; message: string })[]>([]);

const publish = oncePerFrame(() => (bots.value = [...known.values()].map(bot => ({ ...bot }))));

const held = new Held<[string, Stamp]>(take);
let isWatching = false;

/** Begins to watch, once for the page's life. */
export function watchBots(): void {
  if (isWatching) return;
  isWatching = true;
  for (const name of BOT_EVENTS) botHub.on(name, event => held.pass(name, event));
  botHub.onReady(subscribe);
  botHub.start();
}

const subscribe = (): Promise<void> => held.shared(askForAll);

async function askForAll(): Promise<void> {
  const since = Object.fromEntries([...known].map(([id, { epoch, seq }]) => [id, { epoch, seq }]));
  try {
    const { snapshots, events } = await botHub.invoke('SubscribeBots', { since });
    const missed = events as (Stamp & { type: keyof BotHubEvents })[];
    const told = new Set([...snapshots, ...missed].map(({ botId }) => botId));
    const live = await botHub.invoke('ListBots');
    const there = new Set(live.map(({ botId }) => botId));
    // Neither told of nor listed: removed while nobody was connected.
    for (const id of known.keys()) if (!told.has(id) && !there.has(id)) known.delete(id);
    for (const snapshot of snapshots) known.set(snapshot.botId, fromSnapshot(snapshot, known.get(snapshot.botId)));
    for (const { type, ...event } of missed) take(type, event);
    problem.value = null;
  } catch (error) {
    problem.value = explain(error);
  }
  loaded.value = true;
  publish();
}

function take(name: string, event: Stamp): void {
  if (name === 'BotSnapshot') {
    const snapshot = event as unknown as BotSnapshot;
    const before = known.get(snapshot.botId);
    if (!before || before.epoch !== snapshot.epoch || before.seq <= snapshot.seq) known.set(snapshot.botId, fromSnapshot(snapshot, before));
  } else if (name === 'BotRemoved') {
    known.delete(event.botId);
  } else {
    const bot = known.get(event.botId);
    if (bot && apply(bot, name, event) === 'missed') void subscribe();
  }
  if (name === 'CommandResult') outcomes.value = [event as CommandTold, ...outcomes.value.slice(0, 49)];
  if (name === 'Alert') alerts.value = [event as never, ...alerts.value.slice(0, 19)];
  publish();
}

export type Command = 'StartBot' | 'StopBot' | 'PauseBot' | 'ResumeBot' | 'ForceExit';

export function command<C extends Command>(name: C, argument: BotHubMethods[C]['argument']): Promise<CommandOutcome> {
  return botHub.invoke<Command>(name, argument as never);
}

/** What a bot's page shows besides live events. */
export async function history(botId: string): Promise<void> {
  const page = { botId, limit: 200 };
  const [trades, orders, lines] = await Promise.all([
    botHub.invoke('GetTrades', page),
    botHub.invoke('GetOrders', page),
    botHub.invoke('GetLogs', page),
  ]);
  const bot = known.get(botId);
  if (!bot) return;
  bot.lastTrades = merge(bot.lastTrades, trades.items, trade => trade.tradeId);
  bot.orders = merge(bot.orders, orders.items, order => order.orderId);
  bot.lines = merge(bot.lines, lines.items, line => `${line.ts} ${line.message}`);
  publish();
}

/** Live items are newer than the page's; each stands once, newest first. */
function merge<T extends { ts: string }>(live: T[], page: T[], id: (item: T) => string): T[] {
  const all = new Map<string, T>();
  for (const item of [...live, ...page]) if (!all.has(id(item))) all.set(id(item), item);
  return [...all.values()].sort((a, b) => b.ts.localeCompare(a.ts));
}
