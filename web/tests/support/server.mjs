// The program under test, in a child process on a port that it keeps over restarts.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const program = process.env.MANAGING_API || `${root}target/debug/managing-api`;
/** A debug build on a busy machine takes its time. */
const LIMIT = 60_000;

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class Server {
  #child;
  #variables;

  static async start(variables = {}) {
    const server = new Server();
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.#variables = { APP_ENVIRONMENT: 'Development', Storage__Path: '', ...variables };
    await server.run();
    return server;
  }

  async run() {
    const env = { ConnectionStrings__Redis: '', ...this.#variables, PORT: String(this.port), RUST_LOG: 'warn' };
    this.#child = spawn(program, ['serve'], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
    for (const limit = Date.now() + LIMIT; ; await delay(20)) {
      if (this.#child.exitCode !== null) throw new Error(`the server ended with ${this.#child.exitCode}`);
      if (Date.now() > limit) throw new Error('the server does not listen');
      const isUp = await fetch(`${this.url}/health/ready`).then(answer => answer.ok, () => false);
      if (isUp) return;
    }
  }

  /** As a crash, not as a stop in good order. */
  async kill() {
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}

/** What a command of the program writes. */
export function run(args, variables = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, env: { APP_ENVIRONMENT: 'Development', ...variables }, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
