/** The three hubs. A page starts the one it needs; it then stays. */
import type { BacktestHubEvents, BacktestHubMethods, BotHubEvents, BotHubMethods, LlmHubEvents, LlmHubMethods } from '../generated/hubs';
import { Hub, type Tap } from './hub';
import { preferTransport } from './transport';
import { signIn, signOut } from './identity';

export const CHAT_EVENTS = ['ChatEvent', 'ConversationChanged'] as const satisfies readonly (keyof LlmHubEvents)[];
export const BOT_EVENTS = [
  'BotSnapshot', 'BotStatus', 'PositionChanged', 'OrderEvent', 'TradeEvent', 'SignalEmitted', 'RiskEvent', 'Alert',
  'CommandResult', 'BotRemoved', 'BotHeartbeat', 'PnlUpdated', 'BalanceChanged', 'CandleClosed', 'LogLine',
] as const satisfies readonly (keyof BotHubEvents)[];
export const BACKTEST_EVENTS = [
  'BacktestSnapshot', 'BacktestQueued', 'BacktestStarted', 'EquityPoints', 'TradeBatch', 'BacktestCompleted',
  'BacktestFailed', 'BacktestCancelled', 'BacktestRemoved', 'BacktestProgress', 'BundleUpdated', 'BacktestLog',
] as const satisfies readonly (keyof BacktestHubEvents)[];

const taps = new Set<Tap>();
const tap: Tap = (hub, event, argument) => taps.forEach(one => one(hub, event, argument));

/** The returned function stops it. */
export function tapEvents(one: Tap): () => void {
  taps.add(one);
  return () => taps.delete(one);
}

export const llmHub = new Hub<LlmHubMethods, LlmHubEvents>('llmhub', CHAT_EVENTS, tap);
export const botHub = new Hub<BotHubMethods, BotHubEvents>('bothub', BOT_EVENTS, tap);
export const backtestHub = new Hub<BacktestHubMethods, BacktestHubEvents>('backtesthub', BACKTEST_EVENTS, tap);
export const hubs = [llmHub, botHub, backtestHub] as const;

const restartAll = () => Promise.all(hubs.map(hub => hub.restart()));

/** Another person: nothing of the former one may stay on the page, so it starts anew. */
export function enter(text: string, keep: boolean): void {
  signIn(text, keep);
  location.reload();
}

export function leave(): void {
  signOut();
  location.reload();
}

export async function changeTransport(...[transport]: Parameters<typeof preferTransport>): Promise<void> {
  preferTransport(transport);
  await restartAll();
}
