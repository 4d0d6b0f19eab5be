// LiteLLM's proxy, a third party's OpenAI-compatible endpoint, answers in place of a model provider.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import * as signalR from '@microsoft/signalr';
import { freePort, listening } from './lib/port.mjs';
import { startProgram } from './lib/program.mjs';
import { pythonProgram } from './lib/python.mjs';

const PROXY = pythonProgram('litellm', 'litellm', '1.108.7', '[proxy]');
const skipped = PROXY ? false : 'skipped, LiteLLM needs Python 3 and the package litellm[proxy]';
const KEY = 'sk-interop-very-secret';
const ANSWER = 'The quick brown fox – schneller Fuchs, 速い狐 🦊 – jumps over the lazy dog.';

let folder, proxy, server, client;
before(async () => {
    if (skipped) return;
    folder = mkdtempSync(join(tmpdir(), 'litellm-'));
    const config = join(folder, 'config.yaml');
    writeFileSync(config, JSON.stringify({
        model_list: [
            { model_name: 'mock', litellm_params: { model: 'openai/mock', api_key: 'none', mock_response: ANSWER } },
            { model_name: 'limited', litellm_params: { model: 'openai/mock', api_key: 'none', mock_response: 'litellm.RateLimitError' } },
        ],
        general_settings: { master_key: KEY },
    }));
    const port = await freePort();
    proxy = spawn(PROXY, ['--config', config, '--port', String(port), '--host', '127.0.0.1'], {
        cwd: folder, stdio: 'ignore', env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True', DISABLE_ADMIN_UI: 'True' },
    });
    process.once('exit', () => proxy.kill('SIGKILL'));
    await started(port);
    const provider = (key) => ({
        Name: 'litellm', BaseUrl: `http://127.0.0.1:${port}/v1`, ApiKey: key, MaxRetries: '0',
    });
    const settings = { APP_ENVIRONMENT: 'Development', Storage__Path: '', Logging__LogLevel__Default: 'Warning' };
    const providers = [[provider(KEY), ['mock', 'limited']], [provider('sk-wrong'), ['refused']]];
    providers.forEach(([values, models], index) => {
        for (const [name, value] of Object.entries(values)) settings[`Llm__Providers__${index}__${name}`] = value;
        models.forEach((model, at) => { settings[`Llm__Providers__${index}__Models__${at}`] = model; });
    });
    server = await startProgram(settings);
    client = new signalR.HubConnectionBuilder().withUrl(`${server.url}/llmhub?user=ann`)
        .configureLogging(signalR.LogLevel.None).build();
    await client.start();
});
after(async () => {
    await client?.stop();
    server?.stop();
    proxy?.kill('SIGKILL');
    if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Python reads a great many files before it listens. */
async function started(port) {
    for (let tries = 0; ; tries++) {
        try {
            return await listening(port, proxy);
        } catch (error) {
            if (tries === 3 || proxy.exitCode !== null) throw error;
        }
    }
}

/** All events of the answer to one message. */
function ask(model) {
    return new Promise((resolve, reject) => {
        const events = [];
        client.stream('StreamMessage', { content: 'Say something.', model }).subscribe({
            next: (event) => events.push(event), complete: () => resolve(events), error: reject,
        });
    });
}

test('an answer is streamed whole, with its usage', { skip: skipped, timeout: 120_000 }, async () => {
    const events = await ask('mock');
    const text = events.filter((it) => it.type === 'text.delta').map((it) => it.text).join('');
    assert.equal(text, ANSWER);
    assert.deepEqual(events.map((it) => it.seq), events.map((_, index) => index + 1));
    assert.equal(events.at(-1).finishReason, 'stop');
    const usage = events.find((it) => it.type === 'usage');
    assert.ok(usage.completionTokens > 0);
});

test('a rate limit and a refused key are told, without the words of the proxy', { skip: skipped, timeout: 120_000 }, async () => {
    for (const [model, code] of [['limited', 'upstream_rate_limited'], ['refused', 'upstream_refused']]) {
        const events = await ask(model);
        assert.equal(events.at(-2).code, code);
        assert.equal(events.at(-1).finishReason, 'error');
        assert.ok(!JSON.stringify(events).includes('sk-'));
    }
});
