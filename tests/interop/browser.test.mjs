// The official JavaScript client in headless Chromium, on a page of another origin than the hub's.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { applies, jobs, settings } from './lib/jobs.mjs';
import { startPage } from './lib/page.mjs';
import { startProxy } from './lib/proxy.mjs';
import { startServer } from './lib/server.mjs';

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
const skip = existsSync(executablePath) ? false : `skipped, there is no ${executablePath}`;
const args = [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

describe('headless Chromium', { skip }, () => {
    let server, site, browser, page;
    const proxies = new Map();

    before(async () => {
        server = await startServer();
        site = await startPage();
        browser = await chromium.launch({ executablePath, args });
        page = await browser.newPage();
        await page.exposeFunction('network', (url, event) => proxies.get(url)[event]());
        await page.goto(site.url);
        await page.waitForFunction(() => window.run);
    });
    after(async () => {
        await browser?.close();
        site?.stop();
        server?.stop();
    });

    for (const setting of settings) {
        for (const name of Object.keys(jobs).filter(job => applies(job, setting))) {
            test(`${setting.transport}, ${setting.protocol}: ${name}`, { timeout: 60_000 }, async () => {
                const proxy = await startProxy(server.port);
                proxies.set(proxy.url, proxy);
                try {
                    const plan = { ...setting, url: proxy.url, directUrl: server.url };
                    assert.equal(await page.evaluate(([job, plan]) => window.run(job, plan), [name, plan]), null);
                } finally { proxy.stop(); }
            });
        }
    }
});
