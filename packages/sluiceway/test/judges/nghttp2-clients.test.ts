import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededBytes, seededDigest } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import {
  answerUpload,
  cutAfter,
  type nodeOrigin,
  type SeenUpload,
  seededFile,
  serving,
} from '../support/node-origin.js';
import { respondWith } from '../support/raw-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import type { Http2Listening } from '../support/servers.js';
import { sized } from '../support/through.js';
import { runTool, scratchFolder } from '../support/tool.js';

const nghttp = requireTool('nghttp');
const h2load = requireTool('h2load');

const MB = 1_000_000;

type Listener = Parameters<typeof nodeOrigin>[1];

/** The lines of what `nghttp -v` prints that tell of frames of that type, with the flags below them. */
const framesIn = (stdout: string, direction: 'recv' | 'send', type: string): string[] =>
  stdout.match(new RegExp(`^\\[.*\\] ${direction} ${type} frame .*(?:\\n {10}.*)*`, 'gm')) ?? [];

describe.for<readonly [name: string, http2: Http2Listening]>([
  ['HTTP/2', 'tls'],
  ['HTTP/2 without TLS', 'h2c'],
])('over %s', ([_name, http2]) => {
  const listen = { http2 };
  describeWith(nghttp)('nghttp', () => {
    const line = async (net: Network, listener: Listener, ...args: string[]) => {
      const started = await clientLine(net, [nghttp, '--no-verify-peer', ...args], listener, { listen });
      writeFileSync(join(started.folder, 'up'), seededBytes('up', 0, 5 * MB));
      return started;
    };

    test.for([14, 16, 30])(
      'downloads 3 MB through windows of 2^%s bytes: the digest is right [nghttp2; RFC 9113 5.2]',
      async (bits, { net }) => {
        const { runWith, url, digest } = await line(net, serving(seededFile('narrow', 3 * MB)));
        const windows = ['-w', String(bits), '-W', String(bits)];
        expect((await runWith({ outputFile: 'file' }, ...windows, `${url}/file`)).code).toBe(0);
        expect(await digest('file')).toBe(seededDigest('narrow', 3 * MB));
      },
    );

    test('gets 50 files at a time over one connection, each whole [nghttp2; RFC 9113 5.1.2]', async ({
      net,
    }) => {
      const { run, url, running } = await line(net, serving(seededFile('many', MB / 5)), '-nv', '-m', '50');
      const { stdout } = await run(`${url}/file`);
      const ends = framesIn(stdout, 'recv', 'DATA').filter((frame) => frame.includes('END_STREAM'));
      expect(ends).toHaveLength(50);
      expect((await running.records(50)).map(({ outcome, bytesDown }) => `${outcome} ${bytesDown}`)).toEqual(
        Array<string>(50).fill(`completed ${MB / 5}`),
      );
    });

    test('sees a cut file as a stream that was reset and did not end [nghttp2; RFC 9113 8.1]', async ({
      net,
    }) => {
      const file = seededFile('cut', 2 * MB, { validators: null });
      const { run, url } = await line(net, serving(cutAfter(file, MB)), '-nv');
      const { stdout } = await run(`${url}/file`);
      expect(framesIn(stdout, 'recv', 'RST_STREAM').join()).toContain('INTERNAL_ERROR');
      expect(framesIn(stdout, 'recv', '(?:DATA|HEADERS)').join()).not.toContain('END_STREAM');
      // The connection is as good as it was.
      expect(framesIn(stdout, 'recv', 'GOAWAY')).toEqual([]);
    });

    test('gets the trailers of a response, and ends with them [nghttp2; RFC 9113 8.1]', async ({ net }) => {
      const { run, url } = await line(
        net,
        (_request, response) => {
          response.writeHead(200, { Trailer: 'X-T' });
          response.write('content');
          response.addTrailers({ 'X-T': 'value' });
          response.end();
        },
        '-nv',
      );
      const { stdout } = await run(`${url}/file`);
      expect(stdout).toMatch(/recv \(stream_id=13\) x-t: value\n/);
      expect(framesIn(stdout, 'recv', 'HEADERS').at(-1)).toContain('END_STREAM');
    });

    test.for([
      ['of a stated length', [], '5000000'],
      ['of no stated length', ['--no-content-length'], 'chunked'],
      ['in padded frames', ['--padding=255'], '5000000'],
      ['that waits for 100, with trailers', ['--expect-continue', '--trailer', 'x-t: value'], '5000000'],
    ] as const)('uploads 5 MB %s: the digest is right [nghttp2]', async ([_what, args, framing], { net }) => {
      const requests: IncomingMessage[] = [];
      const { run, url } = await line(net, (request, response) => {
        requests.push(request);
        return answerUpload(request, response);
      });
      const { code, stdout } = await run(...args, '-d', 'up', `${url}/up`);
      expect(code).toBe(0);
      const seen = JSON.parse(stdout) as SeenUpload;
      const hasTrailers = args.some((arg) => arg === '--trailer');
      expect(seen).toMatchObject({ method: 'POST', bytes: 5 * MB, sha256: seededDigest('up', 5 * MB) });
      expect(seen.framing).toBe(
        hasTrailers ? (requests[0]?.headers['content-length'] ?? 'chunked') : framing,
      );
    });

    test('may send a field section in several frames [nghttp2; RFC 9113 6.10]', async ({ net }) => {
      let seen: RequestHead | null = null;
      const origin = await net.origin(
        respondWith((head) => {
          seen = head;
          return sized('small');
        }),
      );
      const running = await net.proxy({ upstream: origin.url }, listen);
      const url = `${running.ca === undefined ? 'http' : 'https'}://127.0.0.1:${running.port}/file`;
      const args = ['-nv', '--no-verify-peer', '--continuation', url];
      const { stdout } = await runTool(net, nghttp, args, { in: scratchFolder(net) });
      expect(stdout).toMatch(/:status: 200\n/);
      // The largest of a few, each larger than a frame.
      expect((seen as RequestHead | null)?.raw.length).toBeGreaterThan(16_384);
    });
  });

  describeWith(h2load)('h2load', () => {
    const SUMMARY =
      /requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/;

    const load = async (net: Network, listener: Listener, ...args: string[]) => {
      const { runWith, url, folder, running } = await clientLine(net, [h2load], listener, { listen });
      writeFileSync(join(folder, 'up'), seededBytes('up', 0, 2000));
      const { stdout } = await runWith({}, ...args, `${url}/file`);
      const [, ...counts] = SUMMARY.exec(stdout)?.map(Number) ?? [];
      const [total, succeeded, failed, errored, timeout] = counts;
      return { stdout, running, total, succeeded, unsuccessful: [failed, errored, timeout] };
    };

    test.for([
      ['on one connection', '1', '100'],
      ['on ten connections', '10', '10'],
    ] as const)(
      'has 1,000 requests answered, 100 at a time %s [nghttp2]',
      { timeout: 60_000 },
      async ([_where, connections, streams], { net }) => {
        const result = await load(
          net,
          (_request, response) => response.end('hello'),
          ...['-n', '1000', '-c', connections, '-m', streams],
        );
        const { total, succeeded, unsuccessful, running, stdout } = result;
        expect({ total, succeeded, unsuccessful }).toEqual({
          total: 1000,
          succeeded: 1000,
          unsuccessful: [0, 0, 0],
        });
        expect(stdout).toContain('1000 2xx');
        expect((await running.records(1000)).filter(({ outcome }) => outcome !== 'completed')).toEqual([]);
      },
    );

    test('has 500 uploads answered, 100 at a time [nghttp2]', { timeout: 60_000 }, async ({ net }) => {
      const result = await load(net, answerUpload, '-n', '500', '-c', '2', '-m', '50', '-d', 'up');
      const { succeeded, running } = result;
      expect(succeeded).toBe(500);
      expect(new Set((await running.records(500)).map(({ bytesUp }) => bytesUp))).toEqual(new Set([2000]));
    });
  });
});
