// The server under test: the one at INTEROP_URL, or the conformance server started on a free port.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, listening } from './port.mjs';

const EXAMPLE = fileURLToPath(new URL('../../../target/debug/examples/conformance_server', import.meta.url));

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
