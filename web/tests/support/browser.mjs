// Headless Chromium. A page that logs an error, or whose policy stops something, fails its test.
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
export const skip = existsSync(executablePath) ? false : `skipped, there is no ${executablePath}`;
const args = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
];
export const launch = () => chromium.launch({ executablePath, args });

/** What a browser says of requests that fail: the tests that stop servers expect it. */
const NETWORK = /Failed to load resource|WebSocket connection to|net::ERR/;

export async function openPage(context, url, { allowed = NETWORK } = {}) {
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', error => page.problems.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error' && !allowed.test(message.text())) page.problems.push(message.text());
  });
  page.setDefaultTimeout(20_000);
  await page.goto(url);
  return page;
}

const folder = fileURLToPath(new URL('../../../target/console-screenshots/', import.meta.url));
mkdirSync(folder, { recursive: true });

/** For people to look at. */
export const shoot = (page, name) => page.screenshot({ path: `${folder}${name}.png` });
