// Schemathesis reads /openapi.json and tries what it allows and what it does not: no answer may be a
// server error, and none may be one that the document does not describe.
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as signalR from '@microsoft/signalr';
import { startProgram } from './lib/program.mjs';
import { pythonProgram } from './lib/python.mjs';

const PROGRAM = pythonProgram('schemathesis', 'schemathesis', '4.32.5');
const skipped = PROGRAM ? false : 'skipped, Schemathesis needs Python 3 and its package';
const CHECKS = [
    'not_a_server_error', 'status_code_conformance', 'content_type_conformance',
    'response_schema_conformance', 'response_headers_conformance', 'unsupported_method',
];
const EXAMPLES = process.env.SOAK ? '200' : '10';

let server, folder, client;
before(async () => {
    server = await startProgram({ APP_ENVIRONMENT: 'Development', Logging__LogLevel__Default: 'Warning' });
    folder = mkdtempSync(join(tmpdir(), 'openapi-'));
});
after(async () => {
    await client?.stop();
    server?.stop();
    rmSync(folder, { recursive: true, force: true });
});

function findings(config) {
    const file = join(folder, 'schemathesis.toml');
    writeFileSync(file, config);
    const run = spawnSync(PROGRAM, [
        '--config-file', file, 'run', `${server.url}/openapi.json`, '--checks', CHECKS.join(','),
        '--max-examples', EXAMPLES, '--generation-deterministic', '--no-color',
    ], { encoding: 'utf8', cwd: folder });
    return { status: run.status, output: run.stdout + run.stderr };
}

async function report(path, events) {
    const answer = await fetch(`${server.url}/api/v1/${path}/events`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(events),
    });
    assert.equal(answer.status, 202);
}

test('with names that nothing has', { skip: skipped, timeout: 600_000 }, () => {
    const { status, output } = findings('');
    assert.equal(status, 0, output);
    assert.match(output, /Tested: [1-9]\d/);
});

test('with names of what is there', { skip: skipped, timeout: 600_000 }, async () => {
    client = new signalR.HubConnectionBuilder().withUrl(`${server.url}/bothub?user=ann`)
        .configureLogging(signalR.LogLevel.None).withAutomaticReconnect().build();
    await client.start();
    await report('bots/known', [
        { type: 'TradeEvent', tradeId: 't', symbol: 'BTC/USDT', side: 'buy', price: 1.5, quantity: 2 },
        { type: 'LogLine', level: 'info', message: 'hello' },
    ]);
    await report('backtests/known', [
        { type: 'BacktestQueued', bundleId: 'b' }, { type: 'BacktestStarted' },
        { type: 'EquityPoints', fromIndex: 0, points: [{ t: '2026-01-01T00:00:00Z', equity: 100 }] },
        { type: 'TradeBatch', trades: [{ tradeId: 't' }] },
        { type: 'BacktestCompleted', statistics: { sharpe: 1.5 } },
    ]);
    const { status, output } = findings(`
        [parameters]
        "path.id" = "known"
        "path.hub" = "BotHub"
        "path.user" = "ann"
        "path.group" = "team:a"
        "path.connection" = "${client.connectionId}"
    `);
    assert.equal(status, 0, output);
    assert.match(output, /Tested: [1-9]\d/);
});
