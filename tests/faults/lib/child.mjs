// A child process of the test bed: started, awaited, signalled, and gone at the latest with the bed.
import { spawn } from 'node:child_process';
import { listening } from '../../interop/lib/port.mjs';

const KEPT_OUTPUT = 20_000;
const alive = new Set();
process.once('exit', () => { for (const child of alive) child.kill('SIGKILL'); });

/** Starts a program and waits until it listens on `port`. */
export async function startChild(command, args, { port, env = {} }) {
    const process_ = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const child = new Child(command, process_);
    try { await listening(port, process_); } catch (error) {
        await child.kill();
        throw new Error(`${command}: ${error.message}\n${child.output}`);
    }
    return child;
}

class Child {
    #process;
    /** The end of what the program wrote. */
    output = '';

    constructor(command, process_) {
        this.#process = process_;
        alive.add(process_);
        for (const stream of [process_.stdout, process_.stderr]) {
            stream.setEncoding('utf8').on('data', text => { this.output = (this.output + text).slice(-KEPT_OUTPUT); });
        }
        /** Resolves with the exit code, or the signal that ended the process. */
        this.ended = new Promise(done => process_.once('exit', (code, signal) => { alive.delete(process_); done(code ?? signal); }));
        process_.once('error', error => { this.output += `${command}: ${error.message}`; });
    }

    get pid() { return this.#process.pid; }

    signal(name) { this.#process.kill(name); }

    /** Stops the process in its tracks: its sockets stay open and nobody answers on them. */
    freeze() { this.signal('SIGSTOP'); }
    thaw() { this.signal('SIGCONT'); }

    async kill() {
        this.signal('SIGKILL');
        await this.ended;
    }
}
