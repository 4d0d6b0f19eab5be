// The judge on trial: diaries with a known fault each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from './lib/history.mjs';

const sent = (at, end = at, error = null) => ({ at, end, error });
const diaries = (publisher, present, received) => [
    { id: 'p', sent: publisher.map((entry, n) => ({ n, ...entry })) },
    { present, received: received.map(([n, at]) => ({ publisher: 'p', n, at })) },
];
const always = [{ from: 0, to: Infinity }];
const verdict = (...parts) => {
    const { lost, doubled, reordered, silence } = compare(...diaries(...parts));
    return [lost, doubled, reordered, silence];
};

test('everything came', () => {
    assert.deepEqual(verdict([sent(1), sent(2)], always, [[0, 1], [1, 4]]), [[], [], 0, 3]);
});

test('a message that did not come is lost', () => {
    assert.deepEqual(verdict([sent(1), sent(2), sent(3)], always, [[0, 1], [2, 3]]), [[1], [], 0, 2]);
});

test('a message that came twice is doubled, and out of order where something came between', () => {
    assert.deepEqual(verdict([sent(1), sent(2)], always, [[0, 1], [0, 1], [1, 2]]), [[], [0], 0, 1]);
    assert.deepEqual(verdict([sent(1), sent(2)], always, [[0, 1], [1, 2], [0, 2]]), [[], [0], 1, 1]);
});

test('an earlier message after a later one is out of order', () => {
    assert.deepEqual(verdict([sent(1), sent(2)], always, [[1, 2], [0, 2]]), [[], [], 1, 0]);
});

test('what failed, or was sent before the join or around the loss of the connection, may be missing', () => {
    const there = [{ from: 100, to: 5000 }];
    const sends = [sent(50, 200), sent(150, 200, new Error()), sent(4500), sent(6000)];
    assert.deepEqual(verdict(sends, there, []), [[], [], 0, 0]);
    assert.deepEqual(verdict([sent(150, 200)], there, []), [[0], [], 0, 0]);
});
