// How the pages look and weigh: no serious fault of accessibility, no page wider than a phone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { launch, openPage, shoot, skip } from './support/browser.mjs';
import { Server } from './support/server.mjs';
import { connectWorker, pnl } from './support/worker.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = ['fleet', 'chat', 'bots', 'bots/alpha', 'backtests', 'backtests/b1', 'events', 'verify'];
const SIZES = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };
const MOST_BYTES = 300 * 1024;

describe('the console', { skip }, () => {
  let browser, server;
  const workers = [];

  before(async () => {
    [browser, server] = await Promise.all([launch(), Server.start()]);
    const bots = await connectWorker(server.url, 'bothub');
    await bots.invoke('RegisterBots', { botIds: ['alpha', 'beta'], heartbeatMs: 60_000 });
    const trade = { type: 'TradeEvent', tradeId: 't1', symbol: 'BTC/USDT', side: 'buy', price: 64_000, quantity: 0.1, realizedPnl: -5, closedAt: '2026-01-01T00:00:00.000Z' };
    for (const [botId, state] of [['alpha', 'running'], ['beta', 'paused']]) {
      const events = [{ type: 'BotStatus', state, name: `Bot ${botId}` }, pnl(12), trade, { type: 'LogLine', level: 'error', message: 'lost the exchange' }];
      await bots.invoke('ReportBotEvents', { botId, events });
    }
    const backtests = await connectWorker(server.url, 'backtesthub');
    await backtests.invoke('RegisterBacktests', { backtestIds: ['b1'] });
    const points = Array.from({ length: 60 }, (_, i) => ({ t: new Date(Date.UTC(2026, 0, 1 + i)).toISOString(), equity: 1_000 + 20 * Math.sin(i / 5) + i }));
    const events = [{ type: 'BacktestStarted' }, { type: 'EquityPoints', fromIndex: 0, points }, { type: 'BacktestProgress', pct: 0.6 }];
    await backtests.invoke('ReportBacktestEvents', { backtestId: 'b1', events });
    workers.push(bots, backtests);
  });
  after(async () => {
    await Promise.all(workers.map(worker => worker.stop()));
    await browser?.close();
    await server?.kill();
  });

  for (const theme of ['light', 'dark']) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      test(`is accessible and fits: ${theme}, ${size}`, { timeout: 90_000 }, async t => {
        const context = await browser.newContext({ viewport, colorScheme: theme, reducedMotion: 'reduce' });
        t.after(() => context.close());
        const page = await openPage(context, `${server.url}/`);
        // Their own frames and workers are none of the page's: run where the page's policy does not reach.
        const session = await context.newCDPSession(page);
        await session.send('Page.setBypassCSP', { enabled: true });
        for (const path of PAGES) {
          await page.goto(`${server.url}/#/${path}`);
          await page.locator('main h1').first().waitFor();
          if (path !== 'verify') await page.getByText('Loading…').waitFor({ state: 'hidden' });
          await page.evaluate(axe);
          const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
          const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
          assert.deepEqual(serious.map(({ id, nodes }) => `${path}: ${id}: ${nodes.map(node => node.html).join(' | ')}`), []);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(overflow <= 0, `${path} is ${overflow} px too wide`);
          await shoot(page, `${theme}-${size}-${path.replace('/', '-')}`);
        }
        assert.deepEqual(page.problems, []);
      });
    }
  }

  test('is reached by the keyboard alone', { timeout: 60_000 }, async t => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await openPage(context, `${server.url}/#/bots`);
    await page.getByRole('row').filter({ hasText: 'Bot alpha' }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the page');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    const names = [];
    for (let i = 0; i < 20; i++) {
      await page.keyboard.press('Tab');
      names.push(await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent));
    }
    for (const name of ['Filter bots', 'Profit', 'Pause Bot alpha', 'Stop Bot alpha', 'Resume Bot beta']) assert.ok(names.includes(name), `${name} in ${names}`);
  });

  test('weighs less than 300 KB to load', { timeout: 60_000 }, async t => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    let bytes = 0;
    session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${server.url}/`);
    await page.locator('main h1').waitFor();
    assert.ok(bytes > 10_000 && bytes < MOST_BYTES, `${bytes} bytes`);
  });
});
