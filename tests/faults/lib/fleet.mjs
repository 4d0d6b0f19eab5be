// Several instances of the server on one Redis, each a process of its own.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../interop/lib/port.mjs';
import { startChild } from './child.mjs';
import { Link } from './link.mjs';
import { Redis } from './redis.mjs';

const BUILT = fileURLToPath(new URL('../../../target', import.meta.url));
const PROFILE = process.env.PROFILE === 'release' ? 'release' : 'debug';

/** A program of this project, as the last build left it. */
export function built(path) {
    const program = `${BUILT}/${PROFILE}/${path}`;
    if (!existsSync(program)) throw new Error(`no ${program}: build it first`);
    return program;
}

/** The conformance server, or the command in `CONFORMANCE_SERVER`: a program and its arguments. */
function conformanceServer() {
    const command = process.env.CONFORMANCE_SERVER;
    return command ? ['sh', ['-c', `exec ${command}`]] : [built('examples/conformance_server'), []];
}

export class Instance {
    #child;

    constructor(program, args, port, env) { Object.assign(this, { program, args, port, env }); }

    /** Starts on the same port as before. */
    async start() {
        this.#child = await startChild(this.program, this.args, { port: this.port, env: { ...this.env, PORT: String(this.port) } });
    }

    get url() { return `http://127.0.0.1:${this.port}/conformance`; }
    get output() { return this.#child.output; }

    kill() { return this.#child.kill(); }

    /** Asks it to stop, and resolves with its exit code when it has. */
    terminate() {
        this.#child.signal('SIGTERM');
        return this.#child.ended;
    }
}

export class Fleet {
    /**
     * Starts `size` conformance servers. With `overLink` there is a line between them and Redis that
     * can fail (`link`); with `lateRedis` Redis is not started yet.
     */
    static async start({ size = 3, overLink = false, lateRedis = false, env = {} } = {}) {
        const fleet = new Fleet();
        fleet.redis = await Redis.reserve();
        if (!lateRedis) await fleet.redis.start();
        if (overLink) fleet.link = await Link.to(fleet.redis.port);
        const options = { REDIS: `127.0.0.1:${(fleet.link ?? fleet.redis).port}`, ...env };
        fleet.instances = [];
        for (let i = 0; i < size; i++) fleet.instances.push(new Instance(...conformanceServer(), await freePort(), options));
        await Promise.all(fleet.instances.map(instance => instance.start()));
        return fleet;
    }

    get ports() { return this.instances.map(instance => instance.port); }

    async stop() {
        await Promise.all(this.instances.map(instance => instance.kill()));
        this.link?.stop();
        await this.redis.kill();
    }
}
