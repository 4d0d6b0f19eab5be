/** Backtests and their bundles, with their progress. */
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { href } from '../router';
import { Badge, Bar, Empty, Notice } from '../ui/badge';
import { count, duration, moment, percent, ratio, tone } from '../ui/format';
import { Icon } from '../ui/icons';
import { Sparkline } from '../ui/sparkline';
import { Table, type Column } from '../ui/table';
import type { LiveBacktest } from './live';
import { backtests, bundles, cancel, loaded, problem, watchBacktests } from './store';

const isOpen = ({ state }: LiveBacktest): boolean => state === 'queued' || state === 'running';

/** At most so many points: a word's width shows no more. */
function thinned({ equity }: LiveBacktest): number[] {
  const step = Math.max(1, Math.floor(equity.length / 60));
  return equity.filter((_, index) => index % step === 0).map(point => point.equity);
}

/** In percent: as the worker's statistics say, before the end as the curve says. */
export function profitOf({ equity, progress, statistics }: LiveBacktest): number | null {
  if (typeof statistics?.totalPct === 'number') return statistics.totalPct;
  const [first, last] = [equity[0]?.equity, equity.at(-1)?.equity ?? progress.equity];
  return first && last ? ((last - first) / first) * 100 : null;
}

export function Cancel({ backtest }: { backtest: LiveBacktest }) {
  const [outcome, setOutcome] = useState('');
  if (!isOpen(backtest)) return <span class="outcome" role="status">{outcome}</span>;
  const press = () => {
    setOutcome('Cancelling…');
    cancel(backtest.backtestId).then(
      ({ ok, code, message }) => setOutcome(ok ? 'Cancelled' : (message ?? code ?? 'refused')),
      error => setOutcome(explain(error)),
    );
  };
  return (
    <span class="commands">
      <button onClick={press} aria-label={`Cancel ${backtest.backtestId}`}><Icon name="close" />Cancel</button>
      <span class="outcome" role="status">{outcome}</span>
    </span>
  );
}

export function ProgressOf({ backtest }: { backtest: LiveBacktest }) {
  const { progress, state } = backtest;
  return (
    <span class="progress">
      <Bar pct={progress.pct} state={state} label={`Progress of ${backtest.backtestId}`} />
      <small class="muted">{ratio(progress.pct)}{state === 'running' && progress.etaMs ? `, ${duration(progress.etaMs)} left` : ''}</small>
    </span>
  );
}

const COLUMNS: Column<LiveBacktest>[] = [
  {
    name: 'Backtest', by: row => row.name ?? row.backtestId,
    cell: row => <a href={href('backtests', row.backtestId)}><b>{row.name ?? row.backtestId}</b><small class="muted">{row.backtestId}</small></a>,
  },
  { name: 'State', by: row => row.state, cell: row => <Badge state={row.state} title={row.error?.message} /> },
  { name: 'Progress', by: row => row.progress.pct, cell: row => <ProgressOf backtest={row} /> },
  { name: 'Equity', cell: row => <Sparkline values={thinned(row)} /> },
  { name: 'Result', figure: true, by: row => profitOf(row) ?? 0, cell: row => <b class={tone(profitOf(row))}>{percent(profitOf(row))}</b> },
  { name: 'Drawdown', figure: true, wide: true, by: row => row.progress.drawdownPct ?? 0, cell: row => percent(row.progress.drawdownPct) },
  { name: 'Trades', figure: true, wide: true, by: row => row.tradeCount, cell: row => count(row.tradeCount) },
  { name: 'Created', wide: true, by: row => row.createdAt, cell: row => <time>{moment(row.createdAt)}</time> },
  { name: 'Commands', cell: row => <Cancel backtest={row} /> },
];

export function Backtests() {
  useEffect(watchBacktests, []);
  const open = bundles.value.filter(bundle => bundle.queued + bundle.running > 0);
  return (
    <section>
      <header class="title"><h1>Backtests</h1></header>
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      {open.length > 0 && (
        <ul class="bundles">
          {open.map(bundle => (
            <li key={bundle.bundleId}>
              <b>{bundle.bundleId}</b> <small class="muted">{bundle.completed + bundle.failed + bundle.cancelled} of {bundle.total} done, {bundle.running} running</small>
              <Bar pct={bundle.pct} label={`Progress of the bundle ${bundle.bundleId}`} />
            </li>
          ))}
        </ul>
      )}
      <Table caption="backtests" rows={backtests.value} columns={COLUMNS} id={row => row.backtestId}
        words={row => `${row.backtestId} ${row.name ?? ''} ${row.bundleId ?? ''} ${row.state}`}
        empty={loaded.value && !problem.value ? <NoBacktests /> : <p class="muted">Loading…</p>} />
    </section>
  );
}

const NoBacktests = () => (
  <Empty title="No backtest has reported yet">
    <p>Workers register over <code>/backtesthub</code> or report to <code>POST /api/v1/backtests/…/events</code>. To see some at once:</p>
    <pre>cargo run -- simulate</pre>
  </Empty>
);

