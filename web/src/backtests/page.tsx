/** One backtest: progress, equity curve, statistics, trades, log. */
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { backtestHub } from '../hub/hubs';
import { href } from '../router';
import { Badge, Empty, Figure, Notice } from '../ui/badge';
import { Chart } from '../ui/chart';
import { count, money, moment, percent, price, signed, time, tone } from '../ui/format';
import { Table, type Column } from '../ui/table';
import { Cancel, profitOf, ProgressOf } from './list';
import type { LiveBacktest } from './live';
import { backtests, history, loaded, watchBacktests } from './store';

export function BacktestPage({ id }: { id: string }) {
  const [problem, setProblem] = useState<string | null>(null);
  const isConnected = backtestHub.state.value.kind === 'connected';
  const backtest = backtests.value.find(backtest => backtest.backtestId === id);
  useEffect(watchBacktests, []);
  useEffect(() => {
    if (isConnected && loaded.value) history(id).then(() => setProblem(null), error => setProblem(explain(error)));
  }, [id, isConnected, loaded.value, backtest?.state]);
  if (!backtest) {
    return loaded.value && problem
      ? <Empty title="There is no such backtest"><p>{problem}</p><a href={href('backtests')}>All backtests</a></Empty>
      : <p class="muted">Loading…</p>;
  }
  const { progress, error } = backtest;
  return (
    <section>
      <header class="title">
        <div><a href={href('backtests')} class="back">Backtests</a><h1>{backtest.name ?? backtest.backtestId}</h1><Badge state={backtest.state} /></div>
        <Cancel backtest={backtest} />
      </header>
      {problem && <Notice kind="warn">{problem}</Notice>}
      {error && <Notice kind="bad">{error.message} ({error.code}){error.retryable && '; it can be tried again'}</Notice>}
      <ProgressOf backtest={backtest} />
      <dl class="figures">
        <Figure name="Result" value={percent(profitOf(backtest))} tone={tone(profitOf(backtest))} />
        <Figure name="Equity" value={money(backtest.equity.at(-1)?.equity ?? progress.equity)} />
        <Figure name="Drawdown" value={percent(progress.drawdownPct)} />
        <Figure name="Trades" value={count(backtest.tradeCount)} />
        <Figure name="Candles" value={`${count(progress.candlesDone)} / ${count(progress.candlesTotal)}`} />
        <Figure name="Simulated" value={progress.simulatedAt ? progress.simulatedAt.slice(0, 10) : '–'} note={backtest.state === 'running' ? (progress.phase ?? '') : ''} />
      </dl>
      <h2>Equity</h2>
      <Chart label="Equity" lines={[{ name: 'Equity', colour: '--accent', fill: true, points: backtest.equity.map(({ t, equity }) => [Date.parse(t), equity]) }]} />
      <Statistics backtest={backtest} />
      <h2>Trades</h2>
      <Table caption="trades" rows={backtest.trades} columns={TRADES} id={row => String(row.tradeId ?? row.seq)} empty={<p class="muted">None.</p>} />
      {backtest.lines.length > 0 && (
        <>
          <h2>Log</h2>
          <ol class="log" tabIndex={0} aria-label="log">
            {backtest.lines.map(line => <li key={`${line.ts}${line.message}`} class={line.level}><time>{time(line.ts)}</time> <b>{line.level}</b> {line.message}</li>)}
          </ol>
        </>
      )}
    </section>
  );
}

/** `maxDrawdownPct` as "Max drawdown", with its unit. */
function named(name: string, value: unknown): [string, string] {
  const words = name.replace(/Pct$/, '').replace(/([A-Z])/g, ' $1').trim().toLowerCase();
  const label = words.charAt(0).toUpperCase() + words.slice(1);
  if (typeof value !== 'number') return [label, String(value)];
  if (/Pct$/.test(name)) return [label, percent(value)];
  if (name === 'winRate') return [label, percent(value * 100)];
  return [label, Number.isInteger(value) ? count(value) : money(value)];
}

function Statistics({ backtest: { statistics } }: { backtest: LiveBacktest }) {
  if (!statistics) return null;
  return (
    <>
      <h2>Statistics</h2>
      <dl class="figures">
        {Object.entries(statistics).map(([name, value]) => {
          const [label, text] = named(name, value);
          return <Figure key={name} name={label} value={text} />;
        })}
      </dl>
    </>
  );
}

const text = (value: unknown): string => (value === undefined || value === null ? '–' : String(value));
const figure = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

const TRADES: Column<Record<string, unknown>>[] = [
  { name: 'Closed', cell: row => moment((row.closedAt ?? row.ts) as string | undefined) },
  { name: 'Symbol', cell: row => text(row.symbol) },
  { name: 'Side', cell: row => text(row.side) },
  { name: 'Price', figure: true, wide: true, cell: row => price(figure(row.price)) },
  { name: 'Profit', figure: true, by: row => figure(row.realizedPnl) ?? 0, cell: row => <span class={tone(figure(row.realizedPnl))}>{signed(figure(row.realizedPnl))}</span> },
];
