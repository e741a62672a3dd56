import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { bearer } from '../../src/index.js';
import { openPage, startBrowser } from '../support/browser.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized } from '../support/through.js';

const chromium = requireTool('chromium');
const TOKEN = 'aaaaaaaaaaaaaaaa';

/** What a script of one site gets from a proxy at another. Runs in the browser. */
async function readFrom([url, method, headers]: [string, string, Record<string, string>]): Promise<unknown> {
  try {
    const response = await fetch(url, { method, headers });
    const range = response.headers.get('content-range');
    return [response.status, range, response.headers.get('x-hidden'), await response.text()];
  } catch {
    return 'refused';
  }
}

describeWith(chromium)('a script of another site in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(chromium);
  });
  afterAll(() => browser?.close());

  /** A page of one origin, and the URL of a proxy at another that allows `origins`. */
  async function open(net: Network, toOrigins: (page: string) => readonly string[]) {
    const { page, running } = await openPage(net, browser, 'transfers', (_request, response) =>
      response.end(),
    );
    const site = `http://127.0.0.1:${running.port}`;
    const lines = [
      'Content-Range: bytes 0-1/9',
      'X-Hidden: 1',
      'Access-Control-Allow-Origin: https://other.test',
    ];
    const origin = await net.origin(respondWith(sized('xy', lines, 'HTTP/1.1 206 Partial Content')));
    const cors: ProxyOptions['cors'] = {
      origins: toOrigins(site),
      methods: ['GET', 'PUT'],
      headers: ['Authorization'],
    };
    const other = await net.proxy({ upstream: origin.url, cors, access: bearer([TOKEN]) });
    const read = (method: string, headers: Record<string, string>) =>
      page.evaluate(readFrom, [`http://127.0.0.1:${other.port}/file`, method, headers] as [
        string,
        string,
        Record<string, string>,
      ]);
    return { read, origin };
  }

  const authorization = `Bearer ${TOKEN}`;

  test('reads a range with a token, its position, and the status of a refusal [Chromium]', async ({
    net,
  }) => {
    const { read } = await open(net, (site) => [site]);
    expect(await read('GET', { authorization, range: 'bytes=0-1' })).toEqual([
      206,
      'bytes 0-1/9',
      null,
      'xy',
    ]);
    expect(await read('PUT', { authorization })).toEqual([206, 'bytes 0-1/9', null, 'xy']);
    expect(await read('GET', { authorization: 'Bearer wrong' })).toMatchObject({ 0: 401 });
    expect(await read('GET', {})).toMatchObject({ 0: 401 });
  });

  test('reads nothing if its origin is not allowed, or its method [Chromium]', async ({ net }) => {
    const { read, origin } = await open(net, () => ['https://app.test']);
    expect(await read('GET', { authorization })).toBe('refused');
    expect(await read('GET', {})).toBe('refused');
    expect(origin.total).toBe(0);
    const allowed = await open(net, (site) => [site]);
    expect(await allowed.read('DELETE', { authorization })).toBe('refused');
    expect(allowed.origin.total).toBe(0);
  });
});
