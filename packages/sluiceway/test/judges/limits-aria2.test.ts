import { expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededDigest } from '../support/content.js';
import { test } from '../support/fixture.js';
import { seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { until } from '../support/until.js';

const aria2c = requireTool('aria2c');

const SIZE = 6_000_000;
const DIGEST = seededDigest('limited', SIZE);
const SPLIT = ['-q', '-x16', '-s16', '-k1M', '--file-allocation=none', '-o', 'file'];

describeWith(aria2c)('aria2 with 16 connections', () => {
  test('gets no more than the bandwidth of one client, and the file is right [aria2; Sluiceway]', async ({
    net,
  }) => {
    const { run, url, digest } = await clientLine(net, [aria2c], serving(seededFile('limited', SIZE)), {
      proxy: { limits: { rules: [{ download: '2MB' }] } },
    });
    const start = performance.now();
    expect((await run(...SPLIT, url)).code).toBe(0);
    // A tenth of a second's bytes pass at once.
    expect(performance.now() - start).toBeGreaterThan((SIZE / 2_000_000 - 0.1) * 1000);
    expect(await digest('file')).toBe(DIGEST);
  });

  test('has no more than two transfers at a time, and the file is right [aria2; Sluiceway]', async ({
    net,
  }) => {
    const { run, url, digest, origin, running } = await clientLine(
      net,
      [aria2c],
      serving(seededFile('limited', SIZE)),
      { proxy: { limits: { rules: [{ transfers: 2, download: '6MB' }] } } },
    );
    let most = 0;
    const timer = setInterval(() => {
      most = Math.max(most, running.proxy.limits.usage()[0]?.transfers ?? 0);
    }, 5);
    expect((await run(...SPLIT, url)).code).toBe(0);
    clearInterval(timer);
    expect(most).toBeLessThanOrEqual(2);
    await until(() => running.proxy.active === 0, 'every transfer had ended');
    expect(running.recorded.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    expect(origin.requests.length).toBeLessThan(running.recorded.length);
    expect(await digest('file')).toBe(DIGEST);
  });
});
