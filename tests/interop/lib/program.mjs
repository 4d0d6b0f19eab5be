// The program itself, `managing-api`, on a free port.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, listening } from './port.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const PROGRAM = `${ROOT}/target/debug/managing-api`;

/** Gives `{ url, stop }`. Nothing of this process's environment reaches the program. */
export async function startProgram(settings) {
    if (!existsSync(PROGRAM)) throw new Error('no program: run `cargo build` first');
    const port = await freePort();
    const env = { ConnectionStrings__Redis: '', Storage__Path: '', ...settings, PORT: String(port) };
    const child = spawn(PROGRAM, ['serve'], { cwd: ROOT, env, stdio: 'ignore' });
    const stop = () => child.kill('SIGKILL');
    process.once('exit', stop);
    await listening(port, child);
    return { url: `http://127.0.0.1:${port}`, stop };
}
