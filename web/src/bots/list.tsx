/** The table of bots. */
import { useEffect } from 'preact/hooks';
import { href } from '../router';
import { Badge, Empty, Figure, Notice } from '../ui/badge';
import { count, duration, money, percent, ratio, signed, tone } from '../ui/format';
import { now } from '../ui/now';
import { Sparkline } from '../ui/sparkline';
import { Table, type Column } from '../ui/table';
import { Commands } from './commands';
import type { LiveBot } from './live';
import { bots, loaded, problem, watchBots } from './store';

export function BotState({ bot }: { bot: LiveBot }) {
  const age = Math.max(0, now.value - bot.seenAt);
  const was = bot.state === 'stale' && bot.lastState ? `was ${bot.lastState}` : '';
  return (
    <span class="state">
      <Badge state={bot.state} title={bot.reason} />
      {(bot.state === 'stale' || age > 15_000) && <small class="muted">{was} silent for {duration(age)}</small>}
    </span>
  );
}

const COLUMNS: Column<LiveBot>[] = [
  {
    name: 'Bot', by: bot => bot.name ?? bot.botId,
    cell: bot => <a href={href('bots', bot.botId)}><b>{bot.name ?? bot.botId}</b>{bot.name && <small class="muted">{bot.botId}</small>}</a>,
  },
  { name: 'State', by: bot => bot.state, cell: bot => <BotState bot={bot} /> },
  {
    name: 'Profit', figure: true, by: bot => bot.pnl.total,
    cell: bot => <b class={tone(bot.pnl.total)}>{signed(bot.pnl.total)} <small>{bot.pnl.currency}</small></b>,
  },
  { name: '%', figure: true, wide: true, by: bot => bot.pnl.totalPct, cell: bot => <span class={tone(bot.pnl.totalPct)}>{percent(bot.pnl.totalPct)}</span> },
  { name: 'Trend', cell: bot => <Sparkline values={bot.curve.slice(-60).map(([, value]) => value)} /> },
  { name: 'Drawdown', figure: true, wide: true, by: bot => bot.pnl.drawdownPct, cell: bot => percent(bot.pnl.drawdownPct) },
  { name: 'Wins', figure: true, wide: true, by: bot => bot.pnl.winRate, cell: bot => ratio(bot.pnl.winRate) },
  { name: 'Trades', figure: true, wide: true, by: bot => bot.pnl.tradeCount, cell: bot => count(bot.pnl.tradeCount) },
  { name: 'Commands', cell: bot => <Commands bot={bot} /> },
];

export function Bots() {
  useEffect(watchBots, []);
  const all = bots.value;
  const total = all.reduce((sum, bot) => sum + bot.pnl.total, 0);
  const stale = all.filter(bot => bot.state === 'stale').length;
  return (
    <section>
      <header class="title"><h1>Bots</h1></header>
      {problem.value && <Notice kind="bad">{problem.value}</Notice>}
      <dl class="figures">
        <Figure name="Bots" value={count(all.length)} />
        <Figure name="Running" value={count(all.filter(bot => bot.state === 'running').length)} />
        <Figure name="Stale" value={count(stale)} tone={stale ? 'loss' : ''} />
        <Figure name="Profit of all" value={signed(total)} tone={tone(total)} />
        <Figure name="Equity of all" value={money(all.reduce((sum, bot) => sum + bot.pnl.equity, 0))} />
      </dl>
      <Table caption="bots" rows={all} columns={COLUMNS} id={bot => bot.botId} sortBy="Bot"
        words={bot => `${bot.botId} ${bot.name ?? ''} ${bot.state}`}
        empty={loaded.value && !problem.value ? <NoBots /> : <p class="muted">Loading…</p>} />
    </section>
  );
}

const NoBots = () => (
  <Empty title="No bot has reported yet">
    <p>Workers register over <code>/bothub</code> or report to <code>POST /api/v1/bots/…/events</code>. To see some at once:</p>
    <pre>cargo run -- simulate</pre>
  </Empty>
);
