// The server under test: the one at INTEROP_URL, or the conformance server started on a free port.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const EXAMPLE = fileURLToPath(new URL('../../../target/debug/examples/conformance_server', import.meta.url));

export const sleep = ms => new Promise(done => setTimeout(done, ms));

/** Gives `{ url, port, stop }`; the hub is at `url`. */
export async function startServer(options = {}) {
    if (process.env.INTEROP_URL) {
        const url = new URL('/conformance', process.env.INTEROP_URL);
        return { url: url.href, port: Number(url.port), stop() {} };
    }
    const command = process.env.CONFORMANCE_SERVER || EXAMPLE;
    if (command === EXAMPLE && !existsSync(EXAMPLE)) {
        throw new Error('no server: run `cargo build --example conformance_server` first');
    }
    const port = await freePort();
    const child = spawn('sh', ['-c', `exec ${command}`], {
        env: { ...process.env, ...options, PORT: String(port) },
        stdio: ['ignore', 'ignore', 'inherit'],
    });
    const stop = () => child.kill('SIGKILL');
    process.once('exit', stop);
    await listening(port, child);
    return { url: `http://127.0.0.1:${port}/conformance`, port, stop };
}

/** A free port below the range that outgoing connections take theirs from. */
async function freePort() {
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

async function listening(port, child) {
    for (let tries = 0; tries < 600; tries++) {
        if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
        const open = await new Promise(done => {
            const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
            socket.once('error', () => done(false));
        });
        if (open) return;
        await sleep(50);
    }
    throw new Error(`the server does not listen on ${port}`);
}
