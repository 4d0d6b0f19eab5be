// What every official client must be able to do, written once for Node and browsers. A job gets a
// `setting` (see `connect`) and throws when something is not as it should be.

export const sleep = ms => new Promise(done => setTimeout(done, ms));
const unique = () => `u${Math.random().toString(36).slice(2)}`;

function equal(actual, expected, what) {
    const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

async function eventually(what, check, ms = 15_000) {
    for (const limit = Date.now() + ms; Date.now() < limit; await sleep(20)) if (await check()) return;
    throw new Error(`never came true: ${what}`);
}

async function fails(promise, text) {
    const error = await promise.then(() => null, e => e);
    if (!error) throw new Error(`succeeded, expected the error ${text}`);
    if (!String(error.message).includes(text)) throw new Error(`error ${error.message}, expected ${text}`);
}

/**
 * A started connection. The setting: `signalR` and `msgpack` (the libraries), `url`, `transport`
 * (webSockets, serverSentEvents, longPolling), `protocol` (json, messagepack).
 */
async function connect(setting, change = builder => builder, query = '') {
    const { signalR, msgpack, url, transport, protocol } = setting;
    const kind = { webSockets: 1, serverSentEvents: 2, longPolling: 4 }[transport];
    let builder = new signalR.HubConnectionBuilder()
        .withUrl(url + query, { transport: kind })
        .configureLogging(signalR.LogLevel.None);
    if (protocol === 'messagepack') builder = builder.withHubProtocol(new msgpack.MessagePackHubProtocol());
    const connection = change(builder).build();
    await connection.start();
    return connection;
}

/** All items of a stream. */
const collect = stream => new Promise((complete, error) => {
    const items = [];
    stream.subscribe({ next: item => items.push(item), complete: () => complete(items), error });
});

export const jobs = {
    async invoke(setting) {
        const connection = await connect(setting);
        equal(await connection.invoke('ConnectionId'), connection.connectionId, 'connection id');
        equal(await connection.invoke('Echo', 'naïve 😀 \u001e'), 'naïve 😀 \u001e', 'echo');
        equal(await connection.invoke('add', 2, 40), 42, 'sum');
        equal(await connection.invoke('EchoAny', { a: [1, null, 'x'], b: { c: true } }), { a: [1, null, 'x'], b: { c: true } }, 'any value');
        equal((await connection.invoke('Big', 500_000)).length, 500_000, 'big result');
        equal(await connection.invoke('Nothing') ?? null, null, 'nothing');
        await fails(connection.invoke('ThrowHubException', 'not today'), 'HubException: not today');
        await fails(connection.invoke('NoSuchMethod'), 'Method does not exist.');
        await connection.send('ToCallerMany', 'Count', 0);
        const many = await Promise.all(Array.from({ length: 200 }, (_, n) => connection.invoke('Add', n, 1)));
        equal(many, Array.from({ length: 200 }, (_, n) => n + 1), 'many calls');
        await connection.stop();
    },

    async stream(setting) {
        const connection = await connect(setting);
        equal(await collect(connection.stream('Counter', 100, 0)), Array.from({ length: 100 }, (_, n) => n), 'items');
        await fails(collect(connection.stream('CounterThenThrow', 2)), 'HubException: stream failed');
        const tag = unique();
        const items = [];
        const subscription = connection.stream('Hold', tag, 3).subscribe({ next: item => items.push(item), complete() {}, error() {} });
        await eventually('three items', () => items.length === 3);
        subscription.dispose();
        await eventually('the stream was cancelled', async () => (await connection.invoke('Events', tag)).includes('stream ended'));
        await connection.stop();
    },

    async upload(setting) {
        const { signalR } = setting;
        const connection = await connect(setting);
        const numbers = new signalR.Subject();
        const sum = connection.invoke('Sum', numbers);
        for (let n = 1; n <= 100; n++) numbers.next(n);
        numbers.complete();
        equal(await sum, 5050, 'sum');
        // One upload per call: of two neighbouring ones this client sends the second as an argument.
        const slow = new signalR.Subject();
        const slowSum = connection.invoke('SumSlow', 5, slow);
        for (let n = 0; n < 30; n++) slow.next(n);
        slow.complete();
        equal(await slowSum, 435, 'more items than the server buffers');
        const words = new signalR.Subject();
        const upper = collect(connection.stream('Upper', words));
        words.next('one'); words.next('two'); words.complete();
        equal(await upper, ['ONE', 'TWO'], 'upload and stream');
        const broken = new signalR.Subject();
        const collected = connection.invoke('Collect', unique(), broken);
        broken.next('x'); broken.error(new Error('gave up'));
        if (!(await collected).startsWith('x,failed: ')) throw new Error(`broken upload: ${await collected}`);
        await connection.stop();
    },

    async clientResults(setting) {
        const [asker, asked] = [await connect(setting), await connect(setting)];
        asker.on('Answer', question => `me: ${question}`);
        asked.on('Answer', async question => { await sleep(20); if (question === 'no') throw new Error('refused'); return `they: ${question}`; });
        equal(await asker.invoke('AskCaller', 'who?'), 'me: who?', 'own answer');
        equal(await asker.invoke('AskConnection', asked.connectionId, 'who?'), 'they: who?', 'their answer');
        await fails(asker.invoke('AskConnection', asked.connectionId, 'no'), 'refused');
        await asked.stop();
        await asker.stop();
    },

    async groups(setting) {
        const group = unique();
        const members = await Promise.all([connect(setting), connect(setting), connect(setting)]);
        const got = members.map(() => []);
        members.forEach((member, i) => member.on('Message', value => got[i].push(value)));
        await members[0].invoke('Join', group);
        await members[1].invoke('Join', group);
        await members[2].invoke('ToGroup', group, 'both');
        await members[0].invoke('ToOthersInGroup', group, 'second');
        await members[1].invoke('Leave', group);
        await members[2].invoke('ToGroup', group, 'first');
        // What comes later shows that nothing else is under way.
        await Promise.all(members.map(member => members[2].invoke('ToConnection', member.connectionId, 'end')));
        await eventually('all have the last message', () => got.every(list => list.includes('end')));
        equal(got, [['both', 'first', 'end'], ['both', 'second', 'end'], ['end']], 'messages');
        await Promise.all(members.map(member => member.stop()));
    },

    async abort(setting) {
        const connection = await connect(setting, builder => builder.withAutomaticReconnect([0, 100]));
        const events = [];
        connection.onreconnecting(() => events.push('reconnecting'));
        const closed = new Promise(done => connection.onclose(done));
        connection.invoke('AbortMe').catch(() => {});
        await closed;
        equal(events, [], 'an abort is final');
    },

    /** The network fails for a while; the client comes back as somebody new. */
    async reconnect(setting) {
        const connection = await connect(setting, builder => builder.withAutomaticReconnect([0, 100, 500, 1000, 2000]));
        const before = connection.connectionId;
        const reconnected = new Promise((done, fail) => { connection.onreconnected(done); connection.onclose(fail); });
        const lost = connection.invoke('Delay', 10_000);
        const failed = fails(lost, '');
        await setting.outage();
        const after = await reconnected;
        await failed;
        if (!after || after === before) throw new Error(`connection id ${after}, was ${before}`);
        equal(await connection.invoke('Echo', 'again'), 'again', 'echo after reconnecting');
        await connection.stop();
    },

    /** The network fails again and again; nobody notices, nothing is lost or doubled. */
    async stateful(setting) {
        const connection = await connect(setting, builder => builder.withStatefulReconnect().withAutomaticReconnect([0, 100]));
        const before = connection.connectionId;
        const events = [];
        connection.onreconnecting(() => events.push('reconnecting'));
        connection.onclose(() => events.push('closed'));
        const [group, total] = [unique(), 300];
        const published = [];
        connection.on('Published', value => published.push(value));
        await connection.invoke('Join', group);
        const publisher = await connect({ ...setting, url: setting.directUrl });
        const items = collect(connection.stream('Counter', total, 5));
        const numbers = new setting.signalR.Subject();
        const sum = connection.invoke('Sum', numbers);
        const calls = [];
        for (let n = 0; n < total; n++) {
            numbers.next(1);
            calls.push(connection.invoke('Add', n, 1));
            await publisher.invoke('Publish', group, n);
            if (n % 60 === 30) await setting.cut();
            await sleep(5);
        }
        numbers.complete();
        const range = Array.from({ length: total }, (_, n) => n);
        equal(await items, range, 'items of the stream');
        equal(await sum, total, 'uploaded items');
        equal(await Promise.all(calls), range.map(n => n + 1), 'results');
        await eventually('everything published came', () => published.length >= total);
        equal(published, range, 'published');
        equal(events, [], 'events');
        equal(connection.connectionId, before, 'connection id');
        equal(await connection.invoke('ConnectionId'), before, 'connection id at the hub');
        await connection.stop();
        await publisher.stop();
    },
};

/** Every transport with every protocol it carries. */
export const settings = [
    ['webSockets', 'json'], ['webSockets', 'messagepack'],
    ['serverSentEvents', 'json'],
    ['longPolling', 'json'], ['longPolling', 'messagepack'],
].map(([transport, protocol]) => ({ transport, protocol }));

/** Stateful reconnect is for WebSockets only. */
export const applies = (job, { transport }) => job !== 'stateful' || transport === 'webSockets';
