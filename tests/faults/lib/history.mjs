// Compares diaries: what should have come with what came.

/** A member that leaves may miss what was sent just before it noticed. */
const LEAVING = 1000;

/** What one member got of one publisher: numbers lost, doubled and out of order, and the longest silence in ms. */
export function compare(publisher, member) {
    const came = member.received.filter(message => message.publisher === publisher.id);
    const times = new Map();
    let [highest, reordered, silence] = [-1, 0, 0];
    came.forEach(({ n, at }, i) => {
        times.set(n, (times.get(n) ?? 0) + 1);
        if (n < highest) reordered++;
        highest = Math.max(highest, n);
        if (i > 0) silence = Math.max(silence, at - came[i - 1].at);
    });
    return {
        lost: publisher.sent.filter(entry => !times.has(entry.n) && mustArrive(entry, member)).map(entry => entry.n),
        doubled: [...times].filter(([, count]) => count > 1).map(([n]) => n),
        reordered,
        silence,
    };
}

/** The send was answered well, and the member was in the group before and after. */
function mustArrive({ at, end, error }, { present }) {
    return !error && present.some(({ from, to }) => from <= at && end <= to - LEAVING);
}

/** The sums over all pairs, those on one instance apart from those between instances. */
export function judge(publishers, members) {
    const sums = { local: sum(), remote: sum() };
    for (const publisher of publishers) {
        for (const member of members.filter(member => member.group === publisher.group)) {
            const pair = compare(publisher, member);
            const into = publisher.home !== undefined && publisher.home === member.home ? sums.local : sums.remote;
            into.lost += pair.lost.length;
            into.doubled += pair.doubled.length;
            into.reordered += pair.reordered;
            into.silence = Math.max(into.silence, pair.silence);
            for (const n of pair.lost) into.lostAt.push(publisher.sent[n].at);
        }
    }
    const sends = publishers.flatMap(publisher => publisher.sent);
    return {
        ...sums,
        sends: sends.length,
        failed: sends.filter(send => send.error).length,
        slowest: Math.max(...sends.map(send => send.end - send.at)),
        drops: members.reduce((count, member) => count + member.drops, 0),
        gone: members.filter(member => member.closed).length,
    };
}

const sum = () => ({ lost: 0, doubled: 0, reordered: 0, silence: 0, lostAt: [] });
