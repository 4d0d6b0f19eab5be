// Ports for servers under test: a free one, and the moment somebody listens on it.
import net from 'node:net';

const sleep = ms => new Promise(done => setTimeout(done, ms));

/** A free port below the range that outgoing connections take theirs from. */
export async function freePort() {
    for (;;) {
        const port = 10_000 + Math.floor(Math.random() * 20_000);
        const server = net.createServer();
        const free = await new Promise(done => {
            server.once('error', () => done(false));
            server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
        });
        if (free) return port;
    }
}

/** Waits until somebody listens on the port; fails at once when the child that should has ended. */
export async function listening(port, child) {
    for (let tries = 0; tries < 600; tries++) {
        if (child.exitCode !== null || child.signalCode) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
        const open = await new Promise(done => {
            const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
            socket.once('error', () => done(false));
        });
        if (open) return;
        await sleep(50);
    }
    throw new Error(`nobody listens on ${port}`);
}
