// Many stock clients start at once behind a load balancer that knows no affinity. Each echoes, joins a
// group of its own, and gets what publishers on every instance then send to it.
import assert from 'node:assert/strict';
import { Balancer } from '../lib/balancer.mjs';
import { connection, Member, Publisher, settings } from '../lib/client.mjs';
import { Fleet } from '../lib/fleet.mjs';
import { judge } from '../lib/history.mjs';
import { Nginx } from '../lib/nginx.mjs';
import { report } from '../lib/table.mjs';
import { eventually, forEach } from '../lib/wait.mjs';

const SENDS = 20;
const AT_ONCE = 200;

const balancers = { nginx: { kind: Nginx, needs: ['nginx'] }, TCP: { kind: Balancer, needs: [] } };

export const startStorms = ({ soak }) => Object.entries(balancers).map(([name, { kind, needs }]) => ({
    name: `start storm, ${name}`,
    needs: ['redis-server', ...needs],
    async run(test) {
        const fleet = await Fleet.start();
        const balancer = await kind.before(fleet.ports);
        try {
            for (const setting of settings) {
                await test.test(setting.name, () => storm(fleet, balancer, name, setting, soak ? 1000 : 20));
            }
        } finally {
            await balancer.stop();
            await fleet.stop();
        }
    },
}));

async function storm(fleet, balancer, name, setting, count) {
    const url = `http://127.0.0.1:${balancer.port}/conformance`;
    const senders = fleet.instances.map(instance => connection(instance.url, settings[0]));
    await Promise.all(senders.map(sender => sender.start()));
    const members = Array.from({ length: count }, (_, i) => new Member(url, setting, `${setting.name} ${i}`));
    const [publishers, failures] = [[], []];
    const began = performance.now();
    await forEach(members, AT_ONCE, async member => {
        try { await begin(member); } catch (error) { failures.push(String(error)); return; }
        const own = senders.map((sender, home) => new Publisher(sender, member.group, home));
        publishers.push(...own);
        await Promise.all(own.flatMap(publisher => Array.from({ length: SENDS }, () => publisher.send())));
    });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const wanted = member => (member.present.length ? senders.length * SENDS : 0);
    await eventually('all have everything', () => members.every(member => member.received.length >= wanted(member)), 10_000).catch(() => {});
    const { remote, failed, drops } = judge(publishers, members);
    await Promise.all([...members, ...senders].map(client => client.stop()));

    const figures = { failures: failures.length + failed, drops, lost: remote.lost, doubled: remote.doubled, reordered: remote.reordered };
    report({ test: `starts, ${name}, ${setting.name}`, clients: count, ...figures, seconds });
    assert.deepEqual([...new Set(failures)], [], 'failed starts');
    assert.deepEqual(figures, { failures: 0, drops: 0, lost: 0, doubled: 0, reordered: 0 });
}

/** Connects, calls, and joins. */
async function begin(member) {
    await member.connection.start();
    assert.equal(await member.connection.invoke('Echo', member.group), member.group);
    await member.join();
}
