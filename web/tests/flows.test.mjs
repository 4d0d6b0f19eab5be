// What people do in the console, done in headless Chromium against the program itself.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openPage, shoot, skip } from './support/browser.mjs';
import { Model } from './support/model.mjs';
import { run, Server } from './support/server.mjs';
import { connectWorker, pnl } from './support/worker.mjs';

const limit = { timeout: 60_000 };
const live = page => page.getByRole('status').filter({ hasText: /^Live$/ }).waitFor();

describe('the console', { skip }, () => {
  let browser, model, server;

  before(async () => {
    model = await Model.start();
    [browser, server] = await Promise.all([launch(), Server.start(model.variables)]);
  });
  after(async () => {
    await browser?.close();
    model?.stop();
    await server?.kill();
  });

  /** Its own person: what one test keeps, the others do not see. */
  async function person(t, path, options) {
    const context = await browser.newContext(options);
    t.after(() => context.close());
    const page = await openPage(context, `${server.url}/#/${path}`);
    t.after(() => assert.deepEqual(page.problems, []));
    return page;
  }

  const say = async (page, text) => {
    await page.getByRole('textbox', { name: 'Message', exact: true }).fill(text);
    await page.keyboard.press('Enter');
  };
  const answer = page => page.getByRole('article', { name: 'Assistant' }).last();

  test('a chat goes on after a reload in mid-answer', limit, async t => {
    const page = await person(t, 'chat');
    await live(page);
    await say(page, 'Tell me a story');
    const asked = await model.asked();
    asked.say('Once upon ');
    await answer(page).getByText('Once upon').waitFor();
    await page.reload();
    await answer(page).getByText('Once upon').waitFor();
    asked.say('a time\n\n```rust\nfn main() {}\n```\n');
    await answer(page).getByText('Once upon a time').waitFor();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    asked.finish();
    await page.getByRole('button', { name: 'Regenerate' }).waitFor();
    assert.equal(await page.getByText('Once upon').count(), 1, 'nothing stands twice');
    assert.equal(await answer(page).locator('.hljs-keyword').textContent(), 'fn');
    await shoot(page, 'flow-chat');
  });

  test('an answer is stopped, asked for again, and its question edited', limit, async t => {
    const page = await person(t, 'chat');
    await live(page);
    await say(page, 'Count to a million');
    const first = await model.asked();
    first.say('one');
    await answer(page).getByText('one').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped.').waitFor();
    await first.gone;
    await page.getByRole('button', { name: 'Regenerate' }).click();
    const second = await model.asked();
    second.say('two');
    second.finish();
    await answer(page).getByText('two').waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('Edit your message').fill('Count to three');
    await page.getByRole('button', { name: 'Save and ask again' }).click();
    const third = await model.asked();
    assert.equal(third.messages.at(-1).content, 'Count to three');
    third.say('three');
    third.finish();
    await answer(page).getByText('three').waitFor();
    assert.equal(await page.getByRole('article', { name: 'You' }).count(), 1);
  });

  test('two tabs of a person show the same conversation', limit, async t => {
    const page = await person(t, 'chat');
    await live(page);
    await say(page, 'Hello');
    const first = await model.asked();
    first.say('Hi.');
    first.finish();
    await page.getByRole('button', { name: 'Regenerate' }).waitFor();
    const other = await openPage(page.context(), page.url());
    await answer(other).getByText('Hi.').waitFor();
    await say(other, 'How are you?');
    const second = await model.asked();
    second.say('Very ');
    await answer(page).getByText('Very').waitFor();
    second.say('well.');
    second.finish();
    for (const tab of [page, other]) {
      await answer(tab).getByText('Very well.').waitFor();
      await tab.getByRole('button', { name: 'Regenerate' }).waitFor();
      assert.equal(await tab.getByRole('article').count(), 4);
    }
    await page.getByRole('button', { name: 'Rename Hello' }).click();
    await page.getByRole('textbox', { name: 'Title' }).fill('Small talk');
    await page.keyboard.press('Enter');
    await other.getByRole('heading', { name: 'Small talk' }).waitFor();
    await other.getByRole('button', { name: 'Delete Small talk' }).click();
    await other.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'New conversation' }).waitFor();
    assert.deepEqual(other.problems, []);
  });

  test('a bot shows its profit live and obeys a command', limit, async t => {
    const worker = await connectWorker(server.url, 'bothub', async ({ command, botId }) => {
      if (command !== 'pause') return { ok: false, code: 'not_now', message: 'the market is closed' };
      await worker.invoke('ReportBotEvents', { botId, events: [{ type: 'BotStatus', state: 'paused' }] });
      return { ok: true };
    });
    t.after(() => worker.stop());
    await worker.invoke('RegisterBots', { botIds: ['alpha'], heartbeatMs: 60_000 });
    const report = (...events) => worker.invoke('ReportBotEvents', { botId: 'alpha', events });
    await report({ type: 'BotStatus', state: 'running', name: 'Alpha' }, pnl(12.5));
    const page = await person(t, 'bots');
    const row = page.getByRole('row').filter({ hasText: 'Alpha' });
    await row.getByText('+12.50').waitFor();
    await report(pnl(99.25));
    await row.getByText('+99.25').waitFor();
    await page.getByRole('button', { name: 'Pause Alpha' }).click();
    await row.getByText('Pause: done').waitFor();
    await row.getByText('paused', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Resume Alpha' }).click();
    await row.getByText('Resume: the market is closed').waitFor();
    await report({ type: 'TradeEvent', tradeId: 't1', symbol: 'BTC/USDT', side: 'buy', price: 64_000, quantity: 0.1, realizedPnl: 5 });
    await row.getByRole('link').click();
    await page.getByRole('heading', { name: 'Alpha' }).waitFor();
    await page.getByRole('cell', { name: '+5.00' }).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'pause by' }).waitFor();
    await shoot(page, 'flow-bot');
  });

  test('a backtest runs to its end before one’s eyes', limit, async t => {
    const worker = await connectWorker(server.url, 'backtesthub');
    t.after(() => worker.stop());
    await worker.invoke('RegisterBacktests', { backtestIds: ['b1'] });
    const report = (...events) => worker.invoke('ReportBacktestEvents', { backtestId: 'b1', events });
    const points = (from, ...equities) => ({
      type: 'EquityPoints', fromIndex: from,
      points: equities.map((equity, i) => ({ t: new Date(Date.UTC(2026, 0, 1 + from + i)).toISOString(), equity })),
    });
    await report({ type: 'BacktestQueued', name: 'Breakout', bundleId: 'night' }, { type: 'BacktestStarted' }, points(0, 100, 110), { type: 'BacktestProgress', pct: 0.25 });
    const page = await person(t, 'backtests');
    const row = page.getByRole('row').filter({ hasText: 'Breakout' });
    await row.getByText('25 %').waitFor();
    await row.getByRole('link').click();
    await page.getByText('110.00', { exact: true }).waitFor();
    await report(points(2, 120), { type: 'BacktestProgress', pct: 0.5 });
    await page.getByText('120.00', { exact: true }).waitFor();
    await report({ type: 'BacktestCompleted', statistics: { totalPct: 20, sharpe: 1.7 } });
    await page.getByText('completed', { exact: true }).waitFor();
    await page.getByText('1.70').waitFor();
    assert.equal(await page.getByRole('progressbar').getAttribute('value'), '1');
    await shoot(page, 'flow-backtest');
  });

  test('after a restart of the server the page is live again, and says so in between', limit, async t => {
    const own = await Server.start();
    t.after(() => own.kill());
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await openPage(context, `${own.url}/#/bots`);
    const worker = await connectWorker(own.url, 'bothub');
    await worker.invoke('RegisterBots', { botIds: ['phoenix'] });
    await page.getByRole('row').filter({ hasText: 'phoenix' }).waitFor();
    await own.kill();
    await page.getByText('Reconnecting', { exact: true }).waitFor();
    await page.getByText('what you see is from then').waitFor();
    await own.run();
    await live(page);
    const again = await connectWorker(own.url, 'bothub');
    t.after(() => again.stop());
    await again.invoke('RegisterBots', { botIds: ['ashes'] });
    await page.getByRole('row').filter({ hasText: 'ashes' }).waitFor();
    assert.equal(await page.getByRole('row').filter({ hasText: 'phoenix' }).count(), 0, 'what is gone is not shown');
    assert.deepEqual(page.problems, []);
  });

  test('where a token is asked for, one signs in with it', limit, async t => {
    const variables = { Authentication__Mode: 'Jwt', Authentication__Jwt__Secret: 'a secret of at least thirty-two bytes' };
    const own = await Server.start(variables);
    t.after(() => own.kill());
    const context = await browser.newContext();
    t.after(() => context.close());
    const page = await openPage(context, `${own.url}/#/bots`);
    const field = page.getByRole('textbox', { name: 'Token' });
    await field.fill('not.a.token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The token was not accepted').waitFor();
    await field.fill(run(['gen-token', 'alice', '--roles', 'viewer'], variables));
    await page.getByText('For alice').waitFor();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await live(page);
    await page.getByText('No bot has reported yet').waitFor();
    await page.reload();
    await live(page);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field.fill(run(['gen-token', 'bob'], variables));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Your token has no role for this.').waitFor();
    assert.deepEqual(page.problems, []);
  });

  for (const [value, name] of [['2', 'Server-Sent Events'], ['4', 'Long polling']]) {
    test(`everything works over ${name} too`, limit, async t => {
      const page = await person(t, 'chat');
      await live(page);
      await page.getByRole('combobox', { name: 'Transport' }).selectOption(value);
      await live(page);
      await say(page, `Over ${name}`);
      const asked = await model.asked();
      asked.say('Heard.');
      await answer(page).getByText('Heard.').waitFor();
      asked.finish();
      await page.getByRole('button', { name: 'Regenerate' }).waitFor();
    });
  }
});
