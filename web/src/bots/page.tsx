/** One bot: figures, profit curve, positions, orders, trades, log. */
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../hub/error';
import { botHub } from '../hub/hubs';
import type { Numbered, Order, Position, Trade } from '../generated/hubs';
import { href } from '../router';
import { Empty, Figure, Notice } from '../ui/badge';
import { Chart, type Line } from '../ui/chart';
import { count, moment, money, percent, price, ratio, signed, time, tone } from '../ui/format';
import { Table, type Column } from '../ui/table';
import { Commands, sentence } from './commands';
import type { LiveBot } from './live';
import { BotState } from './list';
import { bots, command, history, loaded, outcomes, watchBots } from './store';

export function BotPage({ id }: { id: string }) {
  const [problem, setProblem] = useState<string | null>(null);
  const isConnected = botHub.state.value.kind === 'connected';
  const bot = bots.value.find(bot => bot.botId === id);
  useEffect(watchBots, []);
  useEffect(() => {
    if (isConnected && bot) history(id).then(() => setProblem(null), error => setProblem(explain(error)));
  }, [id, isConnected, bot === undefined]);
  if (!bot) return loaded.value ? <Empty title="There is no such bot"><a href={href('bots')}>All bots</a></Empty> : <p class="muted">Loading…</p>;
  const { pnl } = bot;
  return (
    <section>
      <header class="title">
        <div><a href={href('bots')} class="back">Bots</a><h1>{bot.name ?? bot.botId}</h1><BotState bot={bot} /></div>
        <Commands bot={bot} />
      </header>
      {problem && <Notice kind="warn">{problem}</Notice>}
      {bot.reason && <p class="muted">{bot.reason}</p>}
      <dl class="figures">
        <Figure name="Profit" value={signed(pnl.total)} note={pnl.currency ?? ''} tone={tone(pnl.total)} />
        <Figure name="Realized" value={signed(pnl.realized)} tone={tone(pnl.realized)} />
        <Figure name="Unrealized" value={signed(pnl.unrealized)} tone={tone(pnl.unrealized)} />
        <Figure name="Equity" value={money(pnl.equity)} />
        <Figure name="Drawdown" value={percent(pnl.drawdownPct)} />
        <Figure name="Win rate" value={ratio(pnl.winRate)} note={`${count(pnl.tradeCount)} trades`} />
      </dl>
      <h2>Profit</h2>
      <Chart label="Profit" lines={curves(bot)} />
      <Outcomes id={id} />
      <h2>Positions</h2>
      <Table caption="positions" rows={bot.positions} columns={positionColumns(bot.botId)} id={row => row.positionId} empty={<None />} />
      <h2>Trades</h2>
      <Table caption="trades" rows={bot.lastTrades} columns={TRADES} id={row => row.tradeId} empty={<None />} />
      <h2>Orders</h2>
      <Table caption="orders" rows={bot.orders.length ? bot.orders : bot.openOrders.map(order => ({ seq: 0, ts: '', ...order }))} columns={ORDERS} id={row => row.orderId} empty={<None />} />
      <h2>Balances</h2>
      <Table caption="balances" rows={bot.balances} id={row => row.currency} empty={<None />} columns={[
        { name: 'Currency', cell: row => row.currency },
        { name: 'Free', figure: true, cell: row => price(row.free) },
        { name: 'Total', figure: true, cell: row => price(row.total) },
      ]} />
      <h2>Log</h2>
      <Log bot={bot} />
    </section>
  );
}

const None = () => <p class="muted">None.</p>;

/** What closed trades came to, from the bot's history, and the total as the page has watched it. */
function curves(bot: LiveBot): Line[] {
  const closed = bot.lastTrades
    .filter(trade => trade.closedAt && trade.realizedPnl !== undefined)
    .sort((a, b) => a.closedAt!.localeCompare(b.closedAt!));
  let sum = bot.pnl.realized - closed.reduce((all, trade) => all + trade.realizedPnl!, 0);
  const realized = closed.map(trade => [Date.parse(trade.closedAt!), (sum += trade.realizedPnl!)] as [number, number]);
  // It stays as it is until the next trade closes.
  const now = bot.curve.at(-1)?.[0];
  if (now && realized.length && now > realized.at(-1)![0]) realized.push([now, bot.pnl.realized]);
  return [
    { name: 'Total', points: bot.curve, colour: '--accent', fill: true },
    { name: 'Realized', points: realized, colour: '--good' },
  ];
}

function Outcomes({ id }: { id: string }) {
  const told = outcomes.value.filter(outcome => outcome.botId === id).slice(0, 5);
  if (told.length === 0) return null;
  return (
    <>
      <h2>Commands</h2>
      <ul class="plain">
        {told.map(({ commandId, ts, command, ok, code, message, by }) => (
          <li key={commandId}><time>{time(ts)}</time> <b>{command}</b> by {by}: <span class={ok ? 'gain' : 'loss'}>{ok ? 'done' : sentence(code, message)}</span></li>
        ))}
      </ul>
    </>
  );
}

const side = (value: string) => <span class={/buy|long/i.test(value) ? 'gain' : 'loss'}>{value}</span>;

const TRADES: Column<Numbered<Trade>>[] = [
  { name: 'Time', by: row => row.ts, cell: row => moment(row.closedAt ?? row.openedAt ?? row.ts) },
  { name: 'Symbol', by: row => row.symbol, cell: row => row.symbol },
  { name: 'Side', by: row => row.side, cell: row => side(row.side) },
  { name: 'Price', figure: true, by: row => row.price, cell: row => price(row.price) },
  { name: 'Quantity', figure: true, by: row => row.quantity, cell: row => price(row.quantity) },
  { name: 'Fee', figure: true, wide: true, cell: row => money(row.fee) },
  { name: 'Profit', figure: true, by: row => row.realizedPnl ?? 0, cell: row => row.realizedPnl === undefined ? <small class="muted">open</small> : <span class={tone(row.realizedPnl)}>{signed(row.realizedPnl)}</span> },
];

const ORDERS: Column<Numbered<Order>>[] = [
  { name: 'Time', cell: row => moment(row.ts) },
  { name: 'Symbol', cell: row => row.symbol },
  { name: 'Side', cell: row => side(row.side) },
  { name: 'Kind', wide: true, cell: row => row.kind },
  { name: 'Status', cell: row => row.status },
  { name: 'Price', figure: true, cell: row => price(row.price) },
  { name: 'Filled', figure: true, cell: row => `${price(row.filled)} / ${price(row.quantity)}` },
];

const positionColumns = (botId: string): Column<Position>[] => [
  { name: 'Symbol', cell: row => row.symbol },
  { name: 'Side', cell: row => side(row.side) },
  { name: 'Quantity', figure: true, cell: row => price(row.quantity) },
  { name: 'Entry', figure: true, cell: row => price(row.entryPrice) },
  { name: 'Unrealized', figure: true, cell: row => <span class={tone(row.unrealizedPnl)}>{signed(row.unrealizedPnl)}</span> },
  { name: 'Command', cell: row => <Exit botId={botId} tradeId={row.positionId} /> },
];

/** Workers here name a position as its trade. */
function Exit({ botId, tradeId }: { botId: string; tradeId: string }) {
  const [outcome, setOutcome] = useState('');
  const exit = () => command('ForceExit', { botId, tradeId }).then(
    ({ ok, code, message }) => setOutcome(ok ? 'done' : sentence(code, message)),
    error => setOutcome(explain(error)),
  );
  return <span class="commands"><button onClick={exit} aria-label={`Exit ${tradeId}`}>Exit</button><span role="status" class="outcome">{outcome}</span></span>;
}

function Log({ bot }: { bot: LiveBot }) {
  if (bot.lines.length === 0) return <None />;
  return (
    <ol class="log" tabIndex={0} aria-label="log">
      {bot.lines.map(line => (
        <li key={`${line.ts}${line.message}`} class={line.level}>
          <time>{time(line.ts)}</time> <b>{line.level}</b> {line.message}
          {(line.dropped ?? 0) > 0 && <small class="muted"> ({line.dropped} lines before it were not shown)</small>}
        </li>
      ))}
    </ol>
  );
}
