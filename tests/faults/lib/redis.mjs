// A redis-server of our own, on a free port, with nothing on disk: restarted it is empty.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
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

    /** A connection that stays when others are refused; gives a function that sends a command. */
    async operator() {
        const socket = net.connect(this.port, '127.0.0.1').setEncoding('utf8');
        await once(socket, 'connect');
        return async command => {
            socket.write(`${command}\r\n`);
            const [answer] = await once(socket, 'data');
            if (answer.startsWith('-')) throw new Error(`${command}: ${answer}`);
        };
    }

    /** The answer to a command, as text. */
    async command(...args) {
        const { stdout } = await run('redis-cli', ['-p', String(this.port), ...args.map(String)]);
        return stdout.trim();
    }
}
