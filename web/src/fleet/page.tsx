/** The fleet: its instances, Redis, and what is live at this moment. */
import { useEffect } from 'preact/hooks';
import { backtests, watchBacktests } from '../backtests/store';
import { alerts, bots, watchBots } from '../bots/store';
import { conversations } from '../chat/list';
import { watchChat } from '../chat/store';
import { hubs } from '../hub/hubs';
import { href } from '../router';
import { Badge, Figure, Notice } from '../ui/badge';
import { count, duration, signed, time, tone } from '../ui/format';
import { Table, type Column } from '../ui/table';
import { instances, ready, unreachable, watchFleet, withheld, type Instance } from './store';

const REDIS: Record<string, string> = {
  off: 'Redis is not configured: this instance works alone, on purpose.',
  not_connected: 'Redis is configured, but this instance works alone. It joins the fleet by itself when Redis answers.',
  unreachable: 'Redis does not answer. Clients of this instance are served; they do not see those of other instances. It joins again by itself.',
  connecting: 'Connecting to Redis.',
  restoring: 'Redis answers again; subscriptions are being restored.',
  connected: 'Connected: all instances act as one server.',
  up: 'Connected: all instances act as one server.',
};

const redisOf = ({ redis }: Instance): string => (typeof redis === 'string' ? redis : (redis?.state ?? '–'));

function connectionsOf({ connections = {} }: Instance): [string, string, number][] {
  return Object.entries(connections).flatMap(([hub, by]) =>
    typeof by === 'number' ? [[hub, '', by] as [string, string, number]] : Object.entries(by).map(([transport, n]) => [hub, transport, n] as [string, string, number]));
}

const uptimeOf = ({ uptimeMs, uptimeSeconds, startedAt }: Instance): number | null =>
  uptimeMs ?? (typeof uptimeSeconds === 'number' ? uptimeSeconds * 1_000 : startedAt ? Date.now() - Date.parse(startedAt) : null);

const COLUMNS: Column<Instance>[] = [
  { name: 'Instance', by: row => row.id, cell: row => <code>{row.id}</code> },
  { name: 'Version', by: row => row.version, cell: row => row.version },
  { name: 'Up for', by: row => uptimeOf(row) ?? 0, cell: row => duration(uptimeOf(row)) },
  { name: 'Redis', cell: row => <Badge state={redisOf(row)} /> },
  { name: 'Connections', figure: true, by: row => total(row), cell: row => count(total(row)) },
  {
    name: 'By hub and transport', wide: true,
    cell: row => <small>{connectionsOf(row).filter(([, , n]) => n > 0).map(([hub, transport, n]) => `${hub} ${transport} ${n}`).join(', ') || '–'}</small>,
  },
];

const total = (row: Instance): number => connectionsOf(row).reduce((sum, [, , n]) => sum + n, 0);

export function Fleet() {
  useEffect(watchFleet, []);
  useEffect(() => {
    watchChat();
    watchBots();
    watchBacktests();
  }, []);
  const all = instances.value;
  const versions = new Set(all?.map(one => one.version));
  return (
    <section>
      <header class="title"><h1>Fleet</h1>{ready.value && <Badge state={ready.value.status} />}</header>
      {unreachable.value && <Notice kind="bad">The server does not answer: {unreachable.value}</Notice>}
      <Live />
      <h2>Redis</h2>
      {ready.value && <p><Badge state={ready.value.redis} /> {REDIS[ready.value.redis] ?? ''}</p>}
      <h2>Instances</h2>
      {withheld.value && <Notice kind="info">{withheld.value}</Notice>}
      {versions.size > 1 && <Notice kind="warn">Several versions run beside each other: {[...versions].join(', ')}. That is fine during a deploy.</Notice>}
      {all && <Table caption="instances" rows={all} columns={COLUMNS} id={row => row.id} sortBy="Instance" empty={<p class="muted">None.</p>} />}
      <h2>This page’s connections</h2>
      <ul class="plain">
        {hubs.map(hub => {
          const state = hub.state.value;
          return (
            <li key={hub.name}>
              <b>{hub.name}</b> <Badge state={state.kind} /> <small class="muted">
                {state.kind === 'connected' && <>since {time(state.since.toISOString())}, <code>{state.connectionId}</code></>}
                {'problem' in state && state.problem}
              </small>
            </li>
          );
        })}
      </ul>
      <Alerts />
    </section>
  );
}

function Live() {
  const profit = bots.value.reduce((sum, bot) => sum + bot.pnl.total, 0);
  const stale = bots.value.filter(bot => bot.state === 'stale').length;
  const running = backtests.value.filter(backtest => backtest.state === 'running').length;
  return (
    <dl class="figures">
      <Figure name="Instances" value={count(instances.value?.length)} />
      <Figure name="Bots" value={count(bots.value.length)} note={stale ? `${stale} stale` : ''} tone={stale ? 'loss' : ''} />
      <Figure name="Profit of all bots" value={signed(profit)} tone={tone(profit)} />
      <Figure name="Backtests running" value={count(running)} note={`of ${backtests.value.length}`} />
      <Figure name="Your conversations" value={count(conversations.value.length)} />
    </dl>
  );
}

function Alerts() {
  if (alerts.value.length === 0) return null;
  return (
    <>
      <h2>Alerts</h2>
      <ul class="plain">
        {alerts.value.map(alert => (
          <li key={`${alert.botId}${alert.seq}`}><time>{time(alert.ts)}</time> <Badge state={alert.severity} /> <a href={href('bots', alert.botId)}>{alert.botId}</a> {alert.message}</li>
        ))}
      </ul>
    </>
  );
}
