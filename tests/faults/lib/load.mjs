// Steady traffic while something breaks: publishers on some instances, members of every transport.
import assert from 'node:assert/strict';
import { connection, Member, Publisher, settings } from './client.mjs';
import { judge } from './history.mjs';
import { report } from './table.mjs';
import { eventually, soaking } from './wait.mjs';

const GROUP = 'everybody';
/** Of each publisher. */
const PER_SECOND = soaking ? 50 : 20;

export class Load {
    members = [];
    publishers = [];

    /** Adds a member of each transport and protocol, `each` times; `home` is the number of its instance, if it is known. */
    async join(url, { each = 1, home } = {}) {
        const wanted = Array.from({ length: each }, () => settings).flat();
        const members = wanted.map(setting => new Member(url, setting, GROUP, home));
        this.members.push(...members);
        await Promise.all(members.map(member => member.start()));
    }

    /** Adds a publisher that begins at once. */
    async publish(url, home) {
        const publisher = new Publisher(connection(url, settings[0]), GROUP, home);
        await publisher.connection.start();
        this.publishers.push(publisher);
        publisher.begin(PER_SECOND);
    }

    /** Everybody is in the group now. */
    get isComplete() { return this.members.every(member => member.isPresent); }

    /** Who lost its connection since then had none from then on, even if it noticed late. */
    orphanedAt(time) {
        for (const session of this.members.flatMap(member => member.present)) {
            if (session.from < time && session.to < Infinity) session.to = Math.min(session.to, time);
        }
    }

    /** Every member gets what every publisher sends from now on. */
    async flowing(what) {
        const marks = this.publishers.map(publisher => [publisher.id, publisher.sent.length]);
        const has = (member, id, n) => member.received.some(message => message.publisher === id && message.n >= n);
        await eventually(what, () => this.members.every(member => marks.every(([id, n]) => has(member, id, n))));
    }

    /** Begins a call from every member. When the server has them all, gives a function that waits for the failures. */
    async call(...call) {
        const outcomes = Promise.allSettled(this.members.map(member => member.connection.invoke(...call)));
        // A server reads in order, and streams run beside calls: once this one has ended the call has begun.
        const ended = stream => new Promise((complete, error) => stream.subscribe({ next() {}, complete, error }));
        await Promise.all(this.members.map(member => ended(member.connection.stream('Counter', 0, 0))));
        return async () => (await outcomes).filter(outcome => outcome.reason).map(outcome => String(outcome.reason));
    }

    /** Stops sending, waits until what was sent last has come, and puts the figures into the table. */
    async end(test) {
        await this.flowing('messages flow').catch(() => {});
        await Promise.all(this.publishers.map(publisher => publisher.end()));
        // What the last send of each publisher shows: nothing else of it is still under way.
        const last = this.publishers.map(publisher => ({ id: publisher.id, n: publisher.sent.length - 1 }));
        const came = member => last.every(({ id, n }) => member.received.some(message => message.publisher === id && message.n === n));
        await eventually('the last messages', () => this.members.every(came), 10_000).catch(() => {});
        const figures = judge(this.publishers, this.members);
        report({ test, clients: this.members.length, ...columns(figures) });
        return figures;
    }

    /** Says goodbye, also to a fleet in ruins. */
    async stop() {
        for (const publisher of this.publishers) publisher.cease();
        const clients = [...this.members, ...this.publishers.map(publisher => publisher.connection)];
        await Promise.all(clients.map(client => client.stop().catch(() => {})));
    }
}

const seconds = ms => (ms / 1000).toFixed(1);
const columns = ({ local, remote, sends, failed, slowest, drops }) => ({
    sends, failures: failed, 'slowest send': `${slowest.toFixed(0)} ms`, drops,
    lost: local.lost + remote.lost, 'lost here': local.lost,
    doubled: local.doubled + remote.doubled, reordered: local.reordered + remote.reordered,
    'silence here': seconds(local.silence), 'silence elsewhere': seconds(remote.silence),
});

/** What no fault may do to anybody. */
export function assertUnharmed({ local, remote, gone }) {
    const { doubled, reordered } = { doubled: local.doubled + remote.doubled, reordered: local.reordered + remote.reordered };
    assert.deepEqual({ doubled, reordered, gone }, { doubled: 0, reordered: 0, gone: 0 });
}
