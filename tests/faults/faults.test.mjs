// Several instances, real Redis, real faults: stock clients keep diaries, and the diaries are compared.
import { execFileSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { table } from './lib/table.mjs';
import { soaking } from './lib/wait.mjs';
import { instanceFaults } from './scenarios/instance-faults.mjs';
import { redisFaults } from './scenarios/redis-faults.mjs';
import { startStorms } from './scenarios/start-storm.mjs';

const scenarios = [startStorms, instanceFaults, redisFaults].flatMap(kind => kind({ soak: soaking }));

/** The programs that a scenario needs and this machine lacks. */
const missing = needs => needs.filter(program => {
    try { execFileSync('sh', ['-c', `command -v ${program}`]); return false; } catch { return true; }
});

describe('faults', { concurrency: soaking ? 1 : 2 }, () => {
    for (const { name, needs, run } of scenarios) {
        const lacks = missing(needs);
        const skip = lacks.length > 0 && `skipped, there is no ${lacks.join(' and no ')}`;
        test(name, { skip, timeout: soaking ? 1_800_000 : 120_000 }, run);
    }
});

after(() => {
    console.log(`\n${table()}\n`);
    // A client that hangs, which is what a failed test may leave behind, must not keep the process.
    setTimeout(() => process.exit(), 3_000).unref();
});
