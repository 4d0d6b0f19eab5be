// Redis dies, stops answering, loses its clients, or comes late, under steady traffic. No client
// notices anything but silence from other instances, and what was sent meanwhile comes after all.
import assert from 'node:assert/strict';
import { Balancer } from '../lib/balancer.mjs';
import { Fleet } from '../lib/fleet.mjs';
import { assertUnharmed, Load } from '../lib/load.mjs';
import { sleep } from '../lib/wait.mjs';

/** An instance knows how many others there are a moment after the last one came. */
const STEADY = 2_000;
/** A send is answered when it was delivered here and queued for the others; that does not take long. */
const AT_ONCE = 2_000;
/** What was on its way when the fault struck is at the mercy of the network: it is never sent twice. */
const UNDER_WAY = 1_000;
/** So long a send waits for Redis; then it expires. */
const EXPIRY = 30_000;
/** So soon after the end of the fault messages flow between instances again. */
const RECOVERY = 5_000;

const kill = seconds => ({
    name: `Redis killed for ${seconds} s, restarted empty`,
    async strike({ redis }) {
        await redis.kill();
        await sleep(seconds * 1000);
        await redis.start();
    },
});

const freeze = seconds => ({
    name: `Redis frozen for ${seconds} s`,
    keepsAll: seconds < EXPIRY / 1000 - 5,
    async strike({ redis }) {
        redis.freeze();
        await sleep(seconds * 1000);
        redis.thaw();
    },
});

const clientKill = {
    name: 'CLIENT KILL of everybody',
    async strike({ redis }) {
        await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
        await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
        await sleep(1000);
    },
};

const cut = seconds => ({
    name: `network cut for ${seconds} s`,
    overLink: true,
    async strike({ link }) {
        link.cut();
        await sleep(seconds * 1000);
        link.mend();
    },
});

const deadLine = seconds => ({
    name: `network dead without a word for ${seconds} s`,
    keepsAll: seconds < EXPIRY / 1000 - 5,
    overLink: true,
    async strike({ link }) {
        link.freeze();
        await sleep(seconds * 1000);
        link.mend();
    },
});

const slowLine = {
    name: 'network with 50 ms of delay',
    overLink: true,
    async strike({ link }) {
        link.delay(50);
        await sleep(2000);
        link.delay(0);
    },
};

const late = seconds => ({
    name: `Redis starts ${seconds} s late`,
    lateRedis: true,
    async strike({ redis }) {
        await sleep(seconds * 1000);
        await redis.start();
    },
});

/** Redis refuses everybody for a while, and drops who is connected. */
const refuse = (reason, begin, end) => seconds => ({
    name: `Redis refuses for ${seconds} s: ${reason}`,
    async strike({ redis }) {
        const operator = await redis.operator();
        for (const command of [begin, 'CLIENT KILL TYPE pubsub', 'CLIENT KILL TYPE normal']) await operator(command);
        await sleep(seconds * 1000);
        await operator(end);
    },
});

const password = refuse('a wrong password', 'ACL SETUSER default resetpass >another', 'ACL SETUSER default nopass');
const full = refuse('maxclients', 'CONFIG SET maxclients 1', 'CONFIG SET maxclients 10000');

const flush = {
    name: 'Redis is flushed, data and scripts',
    keepsAll: true,
    async strike({ redis }) {
        await redis.command('FLUSHALL');
        await redis.command('SCRIPT', 'FLUSH');
        await sleep(3000);
    },
};

const everyday = [kill(3), freeze(3), clientKill, cut(3), deadLine(3), slowLine, late(3), flush];
const soaked = [
    kill(10), kill(30), kill(45), freeze(10), freeze(30), clientKill, cut(10), deadLine(10), deadLine(30), slowLine, late(10),
    password(10), full(10), flush,
];

/** Every client is connected to a known instance, so that neighbours can be told from others. */
const onKnownInstances = (fault, soak) => ({
    name: fault.name,
    needs: ['redis-server'],
    async run() {
        const fleet = await Fleet.start(fault);
        const load = new Load();
        try {
            await Promise.all(fleet.instances.map(({ url }, home) => load.join(url, { each: soak ? 5 : 1, home })));
            await Promise.all(fleet.instances.map(({ url }, home) => load.publish(url, home)));
            if (!fault.lateRedis) await load.flowing('messages flow before the fault');
            await sleep(STEADY);
            const struck = performance.now();
            await fault.strike(fleet);
            const over = performance.now();
            assertOnlySilence(await load.end(fault.name), { struck, over, keepsAll: fault.keepsAll });
        } finally {
            await load.stop();
            await fleet.stop();
        }
    },
});

/** All that anybody may notice: messages between instances come late, and few of them never. */
function assertOnlySilence(figures, { struck, over, keepsAll = false }) {
    assertUnharmed(figures);
    const { local, remote, failed, drops, slowest } = figures;
    assert.deepEqual({ drops, failed, lostHere: local.lost }, { drops: 0, failed: 0, lostHere: 0 });
    if (keepsAll) assert.equal(remote.lost, 0, 'lost, although nothing broke');
    assert.ok(slowest < AT_ONCE, `a send took ${slowest} ms`);
    assertExcused(remote, { struck, over });
}

/** What is lost was under way when the fault struck, or waited too long; and the silence ends soon. */
function assertExcused(remote, { struck, over }) {
    const excused = at => Math.abs(at - struck) < UNDER_WAY || at < over + RECOVERY - EXPIRY;
    const unexcused = remote.lostAt.filter(at => !excused(at)).map(at => Math.round(at - struck));
    assert.deepEqual([...new Set(unexcused)], [], 'lost, by ms since the fault, although neither under way nor too old');
    const late = remote.silence - (over - struck);
    assert.ok(late < RECOVERY, `silence between instances went on for ${late} ms`);
}

/** Behind a balancer the pieces of one connection meet several instances, and these cannot talk now. */
const behindBalancer = (fault, soak) => ({
    name: `${fault.name}, behind a balancer`,
    needs: ['redis-server'],
    async run() {
        const fleet = await Fleet.start(fault);
        const balancer = await Balancer.before(fleet.ports);
        const load = new Load();
        try {
            await load.join(`http://127.0.0.1:${balancer.port}/conformance`, { each: soak ? 15 : 3 });
            await Promise.all(fleet.instances.map(({ url }, home) => load.publish(url, home)));
            await load.flowing('messages flow before the fault');
            const struck = performance.now();
            await fault.strike(fleet);
            const over = performance.now();
            const figures = await load.end(`${fault.name}, behind a balancer`);
            assertUnharmed(figures);
            assert.equal(figures.drops, 0, 'connections dropped');
            assertExcused(figures.remote, { struck, over });
        } finally {
            await load.stop();
            balancer.stop();
            await fleet.stop();
        }
    },
});

export const redisFaults = ({ soak }) => [
    ...(soak ? soaked : everyday).map(fault => onKnownInstances(fault, soak)),
    behindBalancer(kill(soak ? 10 : 3), soak),
];
