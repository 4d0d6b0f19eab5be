/**
 * A bot as the page knows it: its snapshot, and what events made of it since. No connection here:
 * events come in, and whether one is missing comes out.
 */
import type { Balance, BotHubEvents, BotSnapshot, BotStamp, BotStatus, LogLine, Numbered, Order, Pnl, Position, Trade } from '../generated/hubs';

export type Stamp = BotStamp;

export interface LiveBot extends Omit<BotSnapshot, 'ageMs'> {
  /** When it last gave a sign of life, by this machine's clock. */
  seenAt: number;
  orders: Numbered<Order>[];
  lines: Numbered<LogLine>[];
  /** Total profit over time, as long as the page has watched. */
  curve: [number, number][];
}

/** Conflated and lossy events carry the number of the last durable one and do not advance it. */
const PASSING = new Set(['BotHeartbeat', 'PnlUpdated', 'BalanceChanged', 'CandleClosed', 'LogLine']);
const MOST_POINTS = 900;
const MOST_ITEMS = 200;
const DONE = /^(filled|closed|cancell?ed|rejected|expired|failed)$/i;

export function fromSnapshot({ ageMs, ...snapshot }: BotSnapshot, before?: LiveBot): LiveBot {
  const bot: LiveBot = {
    ...snapshot,
    seenAt: Date.now() - ageMs,
    orders: before?.orders ?? [],
    lines: before?.lines ?? [],
    curve: before?.curve ?? [],
  };
  addPoint(bot, snapshot.ts);
  return bot;
}

/** `missed`: something between what is known and this event never arrived. */
export function apply(bot: LiveBot, name: string, event: Stamp): 'applied' | 'old' | 'missed' {
  if (event.epoch !== bot.epoch) return 'missed';
  if (!PASSING.has(name)) {
    if (event.seq <= bot.seq) return 'old';
    if (event.seq > bot.seq + 1) return 'missed';
    bot.seq = event.seq;
  }
  bot.seenAt = name === 'BotStatus' && (event as unknown as BotStatus).state === 'stale' ? bot.seenAt : Date.now();
  change[name]?.(bot, event as never);
  return 'applied';
}

const change: Record<string, (bot: LiveBot, event: never) => void> = {
  BotStatus(bot, { state, reason, lastState, name }: Stamp & BotStatus) {
    Object.assign(bot, { state, reason, lastState, name: name ?? bot.name });
  },
  PnlUpdated(bot, event: Stamp & Pnl) {
    const { botId: _, epoch: __, seq: ___, ts, ...pnl } = event;
    bot.pnl = pnl;
    addPoint(bot, ts);
  },
  PositionChanged(bot, position: Stamp & Position) {
    bot.positions = put(bot.positions, position, other => other.positionId === position.positionId, position.quantity !== 0);
  },
  OrderEvent(bot, order: Stamp & Order) {
    const same = (other: Order): boolean => other.orderId === order.orderId;
    bot.openOrders = put(bot.openOrders, order, same, !DONE.test(order.status));
    bot.orders = first(order, bot.orders.filter(other => !same(other)));
  },
  TradeEvent(bot, trade: Stamp & Trade) {
    bot.lastTrades = first(trade, bot.lastTrades.filter(other => other.tradeId !== trade.tradeId));
  },
  BalanceChanged(bot, balance: Stamp & Balance) {
    bot.balances = put(bot.balances, balance, other => other.currency === balance.currency, true);
  },
  LogLine(bot, line: Stamp & LogLine) {
    bot.lines = first(line, bot.lines);
  },
};

/** What a command came to, told to every viewer. */
export type CommandTold = BotHubEvents['CommandResult'];

function addPoint(bot: LiveBot, ts: string): void {
  const at = Date.parse(ts);
  const last = bot.curve.at(-1);
  if (last && at <= last[0]) return;
  bot.curve = [...bot.curve.slice(-MOST_POINTS), [at, bot.pnl.total]];
}

function put<T>(items: T[], item: T, same: (other: T) => boolean, stays: boolean): T[] {
  const index = items.findIndex(same);
  if (!stays) return items.filter(other => !same(other));
  return index < 0 ? [...items, item] : items.with(index, item);
}

const first = <T>(item: T, items: T[]): T[] => [item, ...items.slice(0, MOST_ITEMS - 1)];
