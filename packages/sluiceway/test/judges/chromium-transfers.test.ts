import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { WebSocketServer } from 'ws';
import { openPage, startBrowser } from '../support/browser.js';
import { seededBytes, seededDigest } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { answerUpload, cutAfter, seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { fileDigest } from '../support/tool.js';
import { until } from '../support/until.js';

const chromium = requireTool('chromium');

const MB = 1_000_000;
const file = seededFile('browser', 8 * MB);

type Listener = Parameters<typeof openPage>[3];

/** One for both protocols: each page has a context of its own. */
let starting: Promise<Browser> | undefined;
afterAll(async () => {
  const browser = await starting;
  await browser?.close();
});

describeWith(chromium).for([
  ['HTTP/1.1', {}],
  ['HTTP/2', { http2: 'tls' }],
] as const)('Chromium with %s', ([protocol, listen]) => {
  let browser: Browser;
  beforeAll(async () => {
    starting ??= startBrowser(chromium);
    browser = await starting;
  });

  const open = (net: Network, listener: Listener) =>
    openPage(net, browser, 'transfers', listener, { listen });

  /** What became of the file that a click on the link downloads: its digest, or why there is none. */
  const download = async (net: Network, listener: Listener): Promise<string> => {
    const { page } = await open(net, listener);
    const [started] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    const failure = await started.failure();
    return failure ?? (await fileDigest(await started.path()));
  };

  test('downloads a file of 8 MB whole: the digest is right [Chromium]', async ({ net }) => {
    expect(await download(net, serving(file))).toBe(seededDigest('browser', 8 * MB));
  });

  test.for([
    ['of a stated length', { 'Content-Length': 10 * MB }, (response: ServerResponse) => response.destroy()],
    ['of no stated length', {}, (response: ServerResponse) => response.destroy()],
    ['of no stated length, by a reset', {}, (response: ServerResponse) => response.socket?.resetAndDestroy()],
  ] as const)(
    'shows a download %s that was cut as failed, never as complete [Chromium]',
    async ([_what, fields, cut], { net }) => {
      const part = seededBytes('part', 0, 5 * MB);
      const result = await download(net, async (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'application/octet-stream', ...fields });
        if (!response.write(part)) await once(response, 'drain');
        cut(response);
      });
      expect(result).toBe('canceled');
    },
  );

  test('sees what has come of a response before its end, and its break as a failure [Chromium]', async ({
    net,
  }) => {
    const seen = new Gate();
    const { page } = await open(net, async (_request, response) => {
      response.write(seededBytes('part', 0, 100_000));
      await seen.opened;
      response.destroy();
    });
    void page.evaluate("read('/stream')");
    await until(async () => (await page.evaluate('reading.bytes')) === 100_000, 'the first part was there');
    expect(await page.evaluate('reading.state')).toBe('reading');
    seen.open();
    await until(async () => (await page.evaluate('reading.state')) !== 'reading', 'the response had ended');
    expect(await page.evaluate('reading')).toEqual({ bytes: 100_000, state: 'failed' });
  });

  test('shows the progress of an upload as far as the origin server takes it, and its digest is right [Chromium]', async ({
    net,
  }) => {
    const size = 40 * MB;
    const mayRead = new Gate();
    const { page } = await open(net, async (request, response) => {
      await mayRead.opened;
      await answerUpload(request, response);
    });
    await page.evaluate(`startUpload('/up', ${size})`);
    await until(async () => (await page.evaluate('upload.events')) !== 0, 'there was some progress');
    // What lies between is a few buffers full.
    expect(await page.evaluate('upload.loaded')).toBeLessThan(size);
    expect(await page.evaluate('upload.response')).toBeNull();
    mayRead.open();
    await until(async () => (await page.evaluate('upload.response')) !== null, 'the upload was answered');
    const seen = JSON.parse(String(await page.evaluate('upload.response'))) as unknown;
    const sha256 = await page.evaluate('upload.digest');
    expect(seen).toEqual({ method: 'POST', framing: String(size), bytes: size, sha256 });
    expect(await page.evaluate('upload.loaded')).toBe(size);
  });

  test('gets the events of an EventSource one by one, and comes back with the last id [Chromium; WHATWG HTML 9.2]', async ({
    net,
  }) => {
    const seen = [new Gate(), new Gate()] as const;
    const ids: unknown[] = [];
    const { page } = await open(net, async (request, response) => {
      ids.push(request.headers['last-event-id']);
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      if (ids.length === 2) {
        response.write('id: 3\ndata: last\n\n');
        return;
      }
      response.write('retry: 1\nid: 1\ndata: first\n\n');
      await seen[0].opened;
      response.write('id: 2\ndata: second\n\n');
      await seen[1].opened;
      response.end();
    });
    const count = async () => Number(await page.evaluate('events.length'));
    await page.evaluate("listen('/events')");
    await until(async () => (await count()) === 1, 'the first event was there');
    seen[0].open();
    await until(async () => (await count()) === 2, 'the second event was there');
    seen[1].open();
    await until(async () => (await count()) === 3, 'it had come back');
    expect(await page.evaluate('events')).toEqual(['1 first', '2 second', '3 last']);
    expect(ids).toEqual([undefined, '2']);
  });

  test('talks over a WebSocket, compressed from end to end [Chromium; RFC 7692; RFC 8441]', async ({
    net,
  }) => {
    const webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: true,
      handleProtocols: () => 'chat',
    });
    const vias: unknown[] = [];
    const closed = new Promise<number>((resolve) => {
      webSockets.on('connection', (socket, request) => {
        vias.push(request.headers.via?.split(' ')[0]);
        socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
        socket.on('close', resolve);
      });
    });
    const { page, running } = await openPage(net, browser, 'transfers', () => {}, { webSockets, listen });
    const messages = ['short', 'long '.repeat(100_000), 'last'];
    const talk = await page.evaluate(`chat(${JSON.stringify(messages)})`);
    expect(talk).toEqual({ echoed: messages, protocol: 'chat', extensions: 'permessage-deflate' });
    expect(await closed).toBe(4000);
    // Over HTTP/2 it is a stream of the connection that the page came by.
    expect(vias).toEqual([protocol === 'HTTP/2' ? '2.0' : '1.1']);
    expect(running.open).toBe(1);
  });

  if (protocol === 'HTTP/1.1') {
    test('gets a download whole that the origin server cut, where the file has a strong validator [Chromium]', async ({
      net,
    }) => {
      const ranges: unknown[] = [];
      const result = await download(net, (request, response) => {
        const { range, 'if-range': ifRange } = request.headers;
        ranges.push([range, ifRange]);
        return serving(ranges.length === 1 ? cutAfter(file, 3 * MB) : file)(request, response);
      });
      expect(result).toBe(seededDigest('browser', 8 * MB));
      expect(ranges).toEqual([
        [undefined, undefined],
        // The rest overlaps the last 4 KiB, which must be the same.
        [`bytes=${3 * MB - 4096}-`, file.validators?.etag],
      ]);
    });
    // It takes no stream for an upload here.
    return;
  }

  test('sends each part of a streamed upload on as it is given, and gets the answer at its end [Chromium]', async ({
    net,
  }) => {
    const parts: string[] = [];
    const { page } = await open(net, async (request, response) => {
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part.toString());
      response.end('all of it');
    });
    await page.evaluate("startStreamingUpload('/up')");
    for (const part of ['first', 'second', 'third']) {
      await page.evaluate(`givePart('${part}')`);
      await until(() => parts.at(-1) === part, `the ${part} part had come`);
    }
    expect(await page.evaluate('upload.response')).toBeNull();
    await page.evaluate('givePart(null)');
    await until(async () => (await page.evaluate('upload.response')) !== null, 'the upload was answered');
    expect(await page.evaluate('upload.response')).toBe('all of it');
    expect(parts).toEqual(['first', 'second', 'third']);
  });
});
