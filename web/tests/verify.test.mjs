// The console's checklist, run against a fleet: two instances, one Redis, a balancer that sends every
// connection to the other one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Balancer } from '../../tests/faults/lib/balancer.mjs';
import { Redis } from '../../tests/faults/lib/redis.mjs';
import { launch, openPage, shoot, skip as withoutBrowser } from './support/browser.mjs';
import { Server } from './support/server.mjs';

const withoutRedis = spawnSync('redis-server', ['--version']).error && 'skipped, there is no redis-server';
const limit = { timeout: 120_000 };

/** The checklist of a fleet whose instances have these settings, while it runs. */
async function verify(t, ...instances) {
  const redis = await Redis.reserve();
  await redis.start();
  t.after(() => redis.kill());
  const connection = { ConnectionStrings__Redis: `127.0.0.1:${redis.port}`, SignalR__TokenKey: 'a key for the test that is long enough' };
  const servers = await Promise.all(instances.map(variables => Server.start({ ...connection, ...variables })));
  t.after(() => Promise.all(servers.map(server => server.kill())));
  await Promise.all(servers.map(healthy));
  const balancer = await Balancer.before(servers.map(({ port }) => port));
  t.after(() => balancer.stop());
  const browser = await launch();
  t.after(() => browser.close());
  return openPage(await browser.newContext(), `http://127.0.0.1:${balancer.port}/#/verify`);
}

/** Joined the fleet: before that it serves alone, and says so. */
async function healthy({ url }) {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const { status } = await (await fetch(`${url}/health/ready`)).json();
    if (status === 'healthy') return;
  }
  throw new Error(`${url} has not joined`);
}

const check = (page, name) => page.getByRole('listitem').filter({ hasText: name });

describe('the checklist', { skip: withoutBrowser || withoutRedis, concurrency: true }, () => {
  test('two instances act as one', limit, async t => {
    const page = await verify(t, {}, {});
    // The last check keeps a connection quiet for 20 s.
    await page.getByRole('button', { name: 'Run again', disabled: false }).waitFor({ timeout: 90_000 });
    const text = await check(page, 'Instances act as one').textContent();
    assert.match(text, /✓ fine.*2 instances; from \S+ to \S+ in \d+ ms/);
    const [, from, to] = /from (\S+) to (\S+) in/.exec(text);
    assert.notEqual(from, to);
    await page.getByText('Everything that could be checked from here is fine.').waitFor();
    await shoot(page, 'verify-fleet');
    assert.deepEqual(page.problems, []);
  });

  test('instances that do not hear each other are found, and the cure is said', limit, async t => {
    const page = await verify(t, {}, { SignalR__Hubs__llmhub__TypeName: 'Another.Hub' });
    const row = check(page, 'Instances act as one').filter({ hasText: '✗ fails' });
    await row.waitFor({ timeout: 60_000 });
    assert.match(await row.textContent(), /No answer within 5 s.*hub type names/);
    assert.deepEqual(page.problems, []);
  });
});
