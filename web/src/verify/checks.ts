/** The deployment checklist. Each check says what it saw and, if that is not good, what to do. */
import { HttpTransportType } from '@microsoft/signalr';
import { getJson, health } from '../hub/api';
import { explain, fromHub } from '../hub/error';
import { query, token } from '../hub/identity';
import type { Instance, Ready } from '../fleet/store';
import { connect, roundTrips, within } from './connect';

export interface Finding {
  outcome: 'ok' | 'warn' | 'fail' | 'skipped';
  saw: string;
  /** What to do about it. */
  cure?: string;
}

export interface Check {
  name: string;
  what: string;
  run: () => Promise<Finding>;
}

const ok = (saw: string): Finding => ({ outcome: 'ok', saw });
const warn = (saw: string, cure: string): Finding => ({ outcome: 'warn', saw, cure });
const fail = (saw: string, cure: string): Finding => ({ outcome: 'fail', saw, cure });
const skipped = (saw: string): Finding => ({ outcome: 'skipped', saw });

const reach: Check = {
  name: 'The server answers',
  what: 'GET /health/live, and the clocks',
  async run() {
    const { status, body, date } = await health<{ version?: string }>('/health/live');
    if (status !== 200) return fail(`HTTP ${status}`, 'The process lives behind a proxy that answers for it: look at the proxy’s upstream and port (8080 unless PORT says otherwise).');
    const apart = date ? Math.abs(date.getTime() - Date.now()) / 1_000 : 0;
    if (apart > 30) return warn(`version ${body.version}; its clock and yours are ${apart.toFixed(0)} s apart`, 'Tokens are refused when clocks differ by more than 30 s: set both clocks by NTP.');
    return ok(`version ${body.version}`);
  },
};

const ready: Check = {
  name: 'Ready for clients, Redis',
  what: 'GET /health/ready',
  async run() {
    const { status, body } = await health<Ready>('/health/ready');
    if (status !== 200) return fail(`${body.status}`, 'An instance that starts or drains takes no clients; a proxy should ask /health/ready and choose another.');
    if (body.status === 'degraded') return warn(`degraded, Redis ${body.redis}`, 'Clients of this instance are served but see nothing of other instances. Run `managing-api doctor` on the server: it says what is wrong with Redis.');
    if (body.redis === 'off') return ok('ready; Redis is off, a single instance on purpose');
    return ok(`ready, Redis ${body.redis}`);
  },
};

const negotiate: Check = {
  name: 'Negotiate',
  what: 'POST /llmhub/negotiate',
  async run() {
    const headers: Record<string, string> = token.value ? { authorization: `Bearer ${token.value}` } : {};
    const address = `/llmhub/negotiate${query() || '?'}&negotiateVersion=1`;
    const answer = await within(5_000, fetch(address, { method: 'POST', headers }));
    if (answer.status === 401) return fail('HTTP 401', 'Sign in with a valid token. If it is valid, the proxy may drop the Authorization header.');
    if (!answer.ok) return fail(`HTTP ${answer.status}`, 'The proxy must pass POST on /llmhub/negotiate to this server as it is.');
    const { availableTransports = [] } = await answer.json();
    const names: string[] = availableTransports.map((one: { transport: string }) => one.transport);
    return names.length < 3 ? warn(`offers ${names.join(', ')}`, 'The setting SignalR:Transports leaves some out; clients on difficult networks need them.') : ok(`offers ${names.join(', ')}`);
  },
};

function transport(kind: HttpTransportType, name: string, cure: string): Check {
  return {
    name,
    what: 'connect, call, be answered',
    async run() {
      try {
        const begin = performance.now();
        const connection = await connect(kind);
        const started = performance.now() - begin;
        const [taken] = await roundTrips(connection, 1);
        await connection.stop();
        const saw = `connected in ${started.toFixed(0)} ms, a call took ${taken!.toFixed(0)} ms`;
        return started > 3_000 ? warn(saw, cure) : ok(saw);
      } catch (error) {
        return fail(explain(error), cure);
      }
    },
  };
}

const transports = [
  transport(HttpTransportType.WebSockets, 'WebSockets', 'The proxy drops the Upgrade. nginx: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and Connection "upgrade". CapRover: switch “Websocket Support” on for the app.'),
  transport(HttpTransportType.ServerSentEvents, 'Server-Sent Events', 'The proxy holds answers back until they are complete. nginx: proxy_buffering off; other proxies: no buffering or compression of text/event-stream.'),
  transport(HttpTransportType.LongPolling, 'Long polling', 'Requests must be allowed to wait 100 s: raise the proxy’s read timeout (nginx: proxy_read_timeout).'),
];

const affinity: Check = {
  name: 'No sticky sessions needed',
  what: 'long polling without cookies, ten calls',
  async run() {
    try {
      const connection = await connect(HttpTransportType.LongPolling);
      await roundTrips(connection, 10);
      await connection.stop();
      return ok('every request found its connection, whatever instance took it');
    } catch (error) {
      return fail(explain(error), 'Requests of one connection reach instances that do not know each other: they have no common Redis, different SignalR:TokenKey, or different Fleet:Name. `managing-api doctor` tells which.');
    }
  },
};

interface ListedConnection {
  connectionId: string;
  instanceId: string;
}

const crossInstance: Check = {
  name: 'Instances act as one',
  what: 'a change made on one instance is seen on another',
  async run() {
    let all: Instance[];
    try {
      const answer = await getJson<Instance[] | { items: Instance[] }>('/api/v1/instances');
      all = Array.isArray(answer) ? answer : answer.items;
    } catch (error) {
      return skipped(fromHub(error).code === 'forbidden' ? 'needs the role admin' : explain(error));
    }
    const versions = [...new Set(all.map(one => one.version))];
    if (all.length < 2) return skipped('one instance: there is nothing to cross');
    const pair = await onTwoInstances();
    if (!pair) return warn('all of ten connections went to one instance', 'The load balancer keeps clients together. That works, but check that it knows all instances.');
    const [a, b] = pair.connections;
    try {
      const took = await tellAcross(a!, b!);
      const saw = `${all.length} instances; from ${pair.names[0]} to ${pair.names[1]} in ${took.toFixed(0)} ms`;
      return versions.length > 1 ? warn(`${saw}; versions ${versions.join(', ')}`, 'Finish the deploy: versions may differ for its duration only.') : ok(saw);
    } catch (error) {
      return fail(explain(error), 'The instances do not hear each other: compare their Redis, channelPrefix and hub type names; `managing-api doctor` does.');
    } finally {
      pair.stop();
    }
  },
};

type Connection = Awaited<ReturnType<typeof connect>>;

async function onTwoInstances(): Promise<{ connections: Connection[]; names: string[]; stop: () => void } | null> {
  const opened = await Promise.all(Array.from({ length: 10 }, () => connect(HttpTransportType.WebSockets)));
  const stopBut = (kept: Connection[]) => opened.filter(one => !kept.includes(one)).forEach(one => void one.stop());
  const listed = await getJson<{ items: ListedConnection[] }>('/api/v1/connections', { hub: 'llmhub', limit: '200' });
  const where = new Map(listed.items.map(one => [one.connectionId, one.instanceId]));
  const first = opened.find(one => where.has(one.connectionId!));
  const second = opened.find(one => where.has(one.connectionId!) && where.get(one.connectionId!) !== where.get(first!.connectionId!));
  if (!first || !second) {
    stopBut([]);
    return null;
  }
  stopBut([first, second]);
  const names = [first, second].map(one => where.get(one.connectionId!)!);
  return { connections: [first, second], names, stop: () => [first, second].forEach(one => void one.stop()) };
}

/** Starts a conversation at one end and waits until the other is told; milliseconds. */
async function tellAcross(from: Connection, to: Connection): Promise<number> {
  const told = new Promise<void>(done => to.on('ConversationChanged', () => done()));
  const begin = performance.now();
  const { conversationId } = await from.invoke<{ conversationId: string }>('SendMessage', { content: 'A check of the deployment.', model: 'builtin' });
  try {
    await within(5_000, told);
    return performance.now() - begin;
  } finally {
    void from.invoke('DeleteConversation', { conversationId }).catch(() => {});
  }
}

const latency: Check = {
  name: 'Latency',
  what: 'thirty calls over the best transport',
  async run() {
    const connection = await connect(HttpTransportType.WebSockets | HttpTransportType.ServerSentEvents | HttpTransportType.LongPolling);
    const taken = await roundTrips(connection, 30);
    await connection.stop();
    const saw = `median ${taken[15]!.toFixed(1)} ms, slowest ${taken[29]!.toFixed(1)} ms`;
    return taken[15]! > 300 ? warn(saw, 'Far away, or an instance that is short of CPU: compare with `managing-api bench` on the server itself.') : ok(saw);
  },
};

const QUIET = 20_000;

const silence: Check = {
  name: 'Quiet connections stay',
  what: `a WebSocket without a word of ours for ${QUIET / 1_000} s`,
  async run() {
    const connection = await connect(HttpTransportType.WebSockets);
    connection.keepAliveIntervalInMilliseconds = 10 * QUIET;
    const closed = new Promise<string>(done => connection.onclose(error => done(error ? explain(error) : 'closed')));
    const quiet = new Promise<null>(done => setTimeout(() => done(null), QUIET));
    const begin = performance.now();
    const end = await Promise.race([closed, quiet]);
    const after = ((performance.now() - begin) / 1_000).toFixed(0);
    void connection.stop();
    return end === null ? ok(`still there after ${after} s`) : fail(`gone after ${after} s: ${end}`, 'A proxy closes what is quiet for a few seconds; the server pings every 15 s. Raise its timeouts above that (nginx: proxy_read_timeout 1h).');
  },
};

export const CHECKS: Check[] = [reach, ready, negotiate, ...transports, affinity, crossInstance, latency, silence];
