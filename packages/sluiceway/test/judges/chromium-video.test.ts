import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPage, startBrowser } from '../support/browser.js';
import { type Network, test } from '../support/fixture.js';
import { seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { toWebm, type VideoFrame } from '../support/webm.js';

const chromium = requireTool('chromium');

const MiB = 1024 * 1024;
const SECONDS = 40;

interface EncodedFrame extends Omit<VideoFrame, 'data'> {
  base64: string;
}

describeWith(chromium).for([
  ['HTTP/1.1', {}],
  ['HTTP/2', { http2: 'tls' }],
] as const)('Chromium with %s', ([_protocol, listen]) => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser(chromium);
  });
  afterAll(() => browser?.close());

  /** A page through a proxy before an origin server that has the video as a file; it is 40 MiB large. */
  const start = async (net: Network) => {
    let video: Buffer = Buffer.alloc(0);
    const serve: Parameters<typeof openPage>[3] = (request, response) => {
      const file = seededFile('video', video.length, {
        contentType: 'video/webm',
        read: (from, to) => pieces(video.subarray(from, to)),
      });
      return serving(file)(request, response);
    };
    const line = await openPage(net, browser, 'video', serve, { listen });
    const encoded: EncodedFrame[] = await line.page.evaluate(`encode(${SECONDS}, 4)`);
    const frames = encoded.map(({ base64, ...rest }) => ({ ...rest, data: Buffer.from(base64, 'base64') }));
    video = toWebm({ width: 160, height: 96, durationMs: SECONDS * 1000, frames, padding: MiB });
    return { ...line, size: video.length };
  };

  test('plays a video, and seeks in it by ranges: the picture is that of the second sought [Chromium; RFC 9110 14.2]', async ({
    net,
  }) => {
    const { page, origin, running, size } = await start(net);
    expect(await page.evaluate("load('/video')")).toEqual({ duration: SECONDS, seekableTo: SECONDS });
    expect(await page.evaluate('play(1)')).toBeGreaterThan(1);
    for (const second of [35, 5, 39, 20, 0]) {
      expect(await page.evaluate(`seek(${second} + 0.1)`)).toBe(second);
    }

    const ranges = origin.requests.flatMap(({ headers }) => headers.range ?? []);
    const starts = ranges.map((range) => Number(/^bytes=(\d+)-/.exec(range)?.[1]));
    // The table at the end, and the place of the 35th second.
    expect(starts.some((each) => each > size - MiB)).toBe(true);
    expect(starts.some((each) => each > 30 * MiB && each < 37 * MiB)).toBe(true);
    // It leaves a response, or a request, as soon as it wants another part.
    const transfers = running.recorded.filter(({ path }) => path === '/video');
    expect(new Set(transfers.flatMap(({ status }) => status ?? []))).toEqual(new Set([206]));
    for (const { outcome } of transfers) expect(['completed', 'client_aborted']).toContain(outcome);
  }, 60_000);
});

/** What an origin server reads of a file at a time. */
function* pieces(bytes: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
