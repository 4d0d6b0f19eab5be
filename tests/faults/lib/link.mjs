// A TCP line to a server that can be cut, go dead without a word, and be slow.
import net from 'node:net';
import { sleep } from './wait.mjs';

export class Link {
    #pairs = new Set();
    #state = 'open';
    #delay = 0;
    #server;

    /** A line to `targetPort`; `port` is its near end. */
    static async to(targetPort) {
        const link = new Link();
        link.#server = net.createServer(near => link.#connect(near, targetPort));
        await new Promise(done => link.#server.listen(0, '127.0.0.1', done));
        return link;
    }

    get port() { return this.#server.address().port; }

    /** Resets what runs through and refuses new connections until `mend`. */
    cut() {
        this.#state = 'cut';
        for (const pair of this.#pairs) pair.forEach(reset);
    }

    /** Nothing gets through any more and nobody is told: a half-open line. New connections hang too. */
    freeze() {
        this.#state = 'frozen';
        for (const pair of this.#pairs) pair.forEach(socket => socket.pause());
    }

    /** Ends a cut or a freeze; what waited goes on. */
    mend() {
        this.#state = 'open';
        for (const pair of this.#pairs) pair.forEach(socket => socket.resume());
    }

    /** Every piece of data takes so much longer, in both directions. */
    delay(milliseconds) { this.#delay = milliseconds; }

    stop() {
        this.#state = 'cut';
        for (const pair of this.#pairs) pair.forEach(socket => socket.destroy());
        this.#server.close();
    }

    #connect(near, targetPort) {
        if (this.#state === 'cut') { reset(near); return; }
        const pair = [near, net.connect(targetPort, '127.0.0.1')];
        this.#pairs.add(pair);
        for (const [from, to] of [pair, [...pair].reverse()]) this.#carry(from, to, pair);
    }

    #carry(from, to, pair) {
        from.setNoDelay(true);
        from.on('error', () => {});
        from.on('close', () => { to.destroy(); this.#pairs.delete(pair); });
        // Each piece waits for the one before: what is late does not change its order.
        let passed = Promise.resolve();
        from.on('data', data => {
            const due = sleep(this.#delay);
            passed = passed.then(() => due).then(() => { if (!to.destroyed) to.write(data); });
        });
        if (this.#state === 'frozen') from.pause();
    }
}

/** Ends a socket without a farewell. One that is saying it cannot be reset: Node.js would never let go of it. */
function reset(socket) {
    if (socket.connecting || socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
}
