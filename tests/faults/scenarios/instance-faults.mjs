// Instances die or are replaced under steady traffic. Their clients come back elsewhere; everybody
// else notices nothing.
import assert from 'node:assert/strict';
import { Balancer } from '../lib/balancer.mjs';
import { Fleet } from '../lib/fleet.mjs';
import { assertUnharmed, Load } from '../lib/load.mjs';
import { eventually, sleep } from '../lib/wait.mjs';

const KILLED = 'one of three instances killed';
const ROLLED = 'rolling restart of all three instances';

/** By then everybody knows that an instance is dead: it takes six seconds, and some more on a busy machine. */
const ALL_KNOW = 9_000;
/** How long the calls take that are under way when their instance is asked to stop. */
const CALL = 1_000;

/** A fleet behind a balancer, with members of every transport; `run` gets all of it. */
async function behindBalancer(soak, run) {
    const fleet = await Fleet.start();
    const balancer = await Balancer.before(fleet.ports);
    const url = `http://127.0.0.1:${balancer.port}/conformance`;
    const load = new Load();
    try {
        await load.join(url, { each: soak ? 15 : 3 });
        await run({ fleet, balancer, url, load });
    } finally {
        await load.stop();
        balancer.stop();
        await fleet.stop();
    }
}

const killed = soak => ({
    name: KILLED,
    needs: ['redis-server'],
    run: () => behindBalancer(soak, async ({ fleet, balancer, load }) => {
        const [victim, ...others] = fleet.instances;
        await Promise.all(others.map(({ url }, i) => load.publish(url, i + 1)));
        await load.flowing('messages flow before the fault');
        const struck = performance.now();
        await victim.kill();
        balancer.withdraw(victim.port);
        await sleep(ALL_KNOW);
        await eventually('all clients are back', () => load.isComplete);
        load.orphanedAt(struck);
        await load.flowing('messages flow after the fault');
        await victim.start();
        await load.join(victim.url, { home: 0 });
        const figures = await load.end(KILLED);
        assertUnharmed(figures);
        const { failed, remote } = figures;
        assert.deepEqual({ failed, lost: remote.lost }, { failed: 0, lost: 0 });
    }),
});

const rolled = soak => ({
    name: ROLLED,
    needs: ['redis-server'],
    run: () => behindBalancer(soak, async ({ fleet, balancer, url, load }) => {
        for (let i = 0; i < 3; i++) await load.publish(url);
        await load.flowing('messages flow before the restart');
        for (const instance of fleet.instances) {
            const failures = await load.call('Delay', CALL);
            const struck = performance.now();
            balancer.withdraw(instance.port);
            assert.equal(await instance.terminate(), 0, 'the exit code');
            assert.deepEqual(await failures(), [], 'calls under way');
            await instance.start();
            balancer.admit(instance.port);
            await eventually('all clients are back', () => load.isComplete);
            load.orphanedAt(struck);
            await load.flowing('messages flow after the restart');
        }
        const figures = await load.end(ROLLED);
        assertUnharmed(figures);
        assert.equal(figures.remote.lost, 0, 'lost by members that were there');
    }),
});

export const instanceFaults = ({ soak }) => [killed(soak), rolled(soak)];
