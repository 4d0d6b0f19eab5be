// A redis-server of our own, on a free port, with nothing on disk: restarted it is empty.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from '../../interop/lib/port.mjs';
import { startChild } from './child.mjs';

const run = promisify(execFile);

export class Redis {
    #child;

    constructor(port) { this.port = port; }

    /** Chooses a port and does not start yet. */
    static async reserve() { return new Redis(await freePort()); }

    async start() {
        const args = ['--port', this.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
        this.#child = await startChild('redis-server', args.map(String), { port: this.port });
    }

    kill() { return this.#child?.kill(); }
    freeze() { this.#child.freeze(); }
    thaw() { this.#child.thaw(); }

    /** The answer to a command, as text. */
    async command(...args) {
        const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args.map(String)]);
        return stdout.trim();
    }
}
