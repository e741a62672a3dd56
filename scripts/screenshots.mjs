// Takes the pictures of the dashboard in docs/images: the demonstration at three widths in both themes, and its other
// views. Needs Chromium.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ensureInstalled } from './ensure-installed.mjs';
import { root } from './support.mjs';

/** @import { Browser, Page } from 'playwright-core' */

const folder = join(root, 'docs/images');
const sizes = [
  { width: 1440, height: 780 },
  { width: 820, height: 900 },
  { width: 390, height: 844 },
];
const themes = /** @type {const} */ (['light', 'dark']);
const maxBytes = 150_000;
/** Until the charts have something to show, and most downloads have been healed. */
const settleMs = 45_000;

ensureInstalled();
mkdirSync(folder, { recursive: true });
const demo = fork(join(root, 'packages/server/dist/demo/main.js'), {
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
});
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
try {
  await takeAll(browser, await dashboardUrl());
} finally {
  await browser.close();
  demo.kill();
}

/** @returns {Promise<string>} */
async function dashboardUrl() {
  let printed = '';
  for (;;) {
    const [text] = /** @type {[Buffer]} */ (
      await once(/** @type {NodeJS.ReadableStream} */ (demo.stdout), 'data')
    );
    printed += String(text);
    const url = /^ +(http:\S+:\d+\/)$/m.exec(printed)?.[1];
    if (url !== undefined) return url;
  }
}

/**
 * @param {Browser} chrome
 * @param {string} url
 */
async function takeAll(chrome, url) {
  /** @type {{ page: Page, name: string }[]} */
  const open = [];
  for (const viewport of sizes)
    for (const colorScheme of themes) {
      const context = await chrome.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto(url);
      open.push({ page, name: `dashboard-${viewport.width}-${colorScheme}` });
    }
  const [first] = open;
  if (first === undefined) return;
  await first.page.click('#make-traffic');
  await first.page.waitForTimeout(settleMs);
  await first.page.click('#make-traffic');
  await first.page.waitForTimeout(14_000);
  for (const { page, name } of open) await take(page, name);
  const { page } = first;
  for (const view of ['servers', 'failures']) {
    await page.click(`#tab-${view}`);
    if (view === 'failures') await page.locator('summary').first().click();
    await take(page, `dashboard-${view}`);
  }
  await page.click('#tab-limits');
  await page.locator('.limit-key').nth(2).waitFor();
  await take(page, 'dashboard-limits');
  const small = open.find(({ name }) => name === 'dashboard-820-light')?.page ?? page;
  await small.locator('#rows .row', { hasText: 'healed' }).first().click();
  await take(small, 'dashboard-details');
}

/**
 * @param {Page} page
 * @param {string} name
 */
async function take(page, name) {
  const path = join(folder, `${name}.png`);
  await page.waitForTimeout(200);
  await page.screenshot({ path });
  const { size } = statSync(path);
  console.log(`docs/images/${name}.png: ${Math.round(size / 1000)} kB`);
  if (size > maxBytes) throw new Error(`${name}.png is larger than ${maxBytes} bytes`);
}
