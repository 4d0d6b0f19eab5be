// A TCP proxy in front of a server that can cut what runs through it, as a bad network would.
import net from 'node:net';

export async function startProxy(targetPort) {
    const pairs = new Set();
    let down = false;
    const server = net.createServer(client => {
        if (down) { client.resetAndDestroy(); return; }
        const upstream = net.connect(targetPort, '127.0.0.1');
        const pair = [client, upstream];
        pairs.add(pair);
        for (const [from, to] of [pair, [upstream, client]]) {
            from.setNoDelay(true);
            from.pipe(to);
            from.on('error', () => {});
            from.on('close', () => { to.destroy(); pairs.delete(pair); });
        }
    });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    return {
        url: `http://127.0.0.1:${server.address().port}/conformance`,
        /** Ends every connection that runs through, without a word. */
        cut() { for (const pair of pairs) pair.forEach(socket => socket.resetAndDestroy()); },
        /** The same, and nothing gets through for a while: browsers repeat a request once by themselves. */
        outage() { down = true; setTimeout(() => { down = false; }, 300); this.cut(); },
        /** Lets what is under way finish: a stopped client may still be sending its farewell. */
        stop() { server.close(); setTimeout(() => this.cut(), 2000).unref(); },
    };
}
