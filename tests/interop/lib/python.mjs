// Programs from PyPI that stand on the other side: each in an environment of its own, kept between
// runs, as its download takes longer than its test.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');

/**
 * The path of `command` of `pip install name[extras]==version`; `null` without Python 3 or a way to
 * the package.
 */
export function pythonProgram(command, name, version, extras = '') {
    const home = join(CACHE, 'managing-api', `${name}-${version}`);
    const program = `${home}/bin/${command}`;
    if (existsSync(program)) return program;
    const run = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
    const installed = run('python3', '-m', 'venv', home)
        && run(`${home}/bin/pip`, 'install', '--quiet', '--disable-pip-version-check', '--no-cache-dir', `${name}${extras}==${version}`);
    if (installed) return program;
    rmSync(home, { recursive: true, force: true });
    return null;
}
