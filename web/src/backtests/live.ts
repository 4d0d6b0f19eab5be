/** A backtest as the page knows it: its snapshot, and what events made of it since. */
import type { BacktestSnapshot, BacktestStamp, Completed, EquityPoint, Failure, LogLine, Numbered, Progress } from '../generated/hubs';

export type Stamp = BacktestStamp;

export interface LiveBacktest extends BacktestSnapshot {
  equity: EquityPoint[];
  lines: Numbered<LogLine>[];
  trades: Record<string, unknown>[];
}

/** They carry the number of the last durable event and do not advance it. */
const PASSING = new Set(['BacktestProgress', 'BacktestLog']);
const MOST_ITEMS = 200;

export const fromSnapshot = (snapshot: BacktestSnapshot, before?: LiveBacktest): LiveBacktest => ({
  ...snapshot,
  equity: snapshot.equity ?? before?.equity ?? [],
  lines: before?.lines ?? [],
  trades: before?.trades ?? [],
});

/** `missed`: something between what is known and this event never arrived. */
export function apply(backtest: LiveBacktest, name: string, event: Stamp): 'applied' | 'old' | 'missed' {
  if (event.epoch !== backtest.epoch) return 'missed';
  if (!PASSING.has(name)) {
    if (event.seq <= backtest.seq) return 'old';
    if (event.seq > backtest.seq + 1) return 'missed';
    backtest.seq = event.seq;
  }
  change[name]?.(backtest, event as never);
  return 'applied';
}

const change: Record<string, (backtest: LiveBacktest, event: never) => void> = {
  BacktestQueued(backtest, { bundleId, name }: { bundleId?: string; name?: string }) {
    Object.assign(backtest, { state: 'queued', bundleId: bundleId ?? backtest.bundleId, name: name ?? backtest.name });
  },
  BacktestStarted(backtest) {
    backtest.state = 'running';
    delete backtest.error;
  },
  BacktestProgress(backtest, event: Stamp & Progress) {
    const { backtestId: _, epoch: __, seq: ___, ts: ____, ...progress } = event;
    backtest.progress = progress;
  },
  EquityPoints(backtest, { fromIndex, points }: { fromIndex: number; points: EquityPoint[] }) {
    backtest.equity = [...backtest.equity.slice(0, fromIndex), ...points, ...backtest.equity.slice(fromIndex + points.length)];
  },
  TradeBatch(backtest, { trades }: { trades: Record<string, unknown>[] }) {
    backtest.tradeCount += trades.length;
    backtest.trades = [...trades.toReversed(), ...backtest.trades].slice(0, MOST_ITEMS);
  },
  BacktestCompleted(backtest, { statistics }: Completed) {
    backtest.state = 'completed';
    backtest.progress = { ...backtest.progress, pct: 1, etaMs: 0 };
    backtest.statistics = statistics;
  },
  BacktestFailed(backtest, { code, message, retryable }: Failure) {
    backtest.state = 'failed';
    backtest.error = { code, message, retryable };
  },
  BacktestCancelled(backtest) {
    backtest.state = 'cancelled';
  },
  BacktestLog(backtest, line: Stamp & LogLine) {
    backtest.lines = [line, ...backtest.lines.slice(0, MOST_ITEMS - 1)];
  },
};
