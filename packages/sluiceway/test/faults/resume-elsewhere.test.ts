import { describe, expect } from 'vitest';
import { type StreamFromOptions, streamFrom, type TransferRecord } from '../../src/index.js';
import { TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import type { RawOrigin } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 300_000;
const file = seededBytes('elsewhere', 0, SIZE);
const other = seededBytes('another', 0, SIZE);
const BREAK: Delivery = { bytes: 40_000, ending: 'end' };
/** The range that continues after the break, with the bytes before it that are compared. */
const REST = `bytes=${40_000 - TAIL_BYTES}-`;

interface Server {
  origin: RawOrigin;
  asked: FileRequest[];
}

/** A server that has the file, and remembers what it was asked for. */
async function server(
  net: Network,
  decide: (request: FileRequest) => Delivery | 'whole' | Buffer,
  fields: readonly string[] = ['ETag: "v1"'],
  content: Buffer = file,
): Promise<Server> {
  const asked: FileRequest[] = [];
  const script = rangedOrigin(
    content,
    (request) => {
      asked.push(request);
      return decide(request);
    },
    fields,
  );
  return { origin: await net.origin(script), asked };
}

/** A client of a handler that calls `streamFrom` with these URLs. */
async function streaming(
  net: Network,
  urls: string | readonly string[],
  options: StreamFromOptions = {},
): Promise<{ client: RawClient; ended: Promise<TransferRecord> }> {
  let end: (record: TransferRecord) => void = () => {};
  const ended = new Promise<TransferRecord>((resolve) => {
    end = resolve;
  });
  const observed = { addresses: 'any', observers: [{ onTransferEnd: end }], ...options } as const;
  const running = await startServer(
    (request, response) => void streamFrom(request, response, urls, observed),
  );
  net.cleanup(() => running.stop());
  return { client: await net.client(running), ended };
}

/** Nobody listens there. */
const free = 'http://127.0.0.1:1';

describe('a file that is on several servers', () => {
  test.for([
    ['refuses connections', null],
    ['answers 404', sized('none', [], 'HTTP/1.1 404 Not Found')],
    ['answers 503', sized('busy', [], 'HTTP/1.1 503 Busy')],
  ] as const)('comes from the second one where the first one %s [nginx]', async ([, answer], { net }) => {
    const second = await server(net, () => 'whole');
    const first = answer === null ? free : (await server(net, () => answer)).origin.url;
    const { client, ended } = await streaming(net, [`${first}/a?x=1`, `${second.origin.url}/b?y=2`]);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(200);
    expect(response.content.equals(file)).toBe(true);
    expect(second.asked[0]?.head.target).toBe('/b?y=2');
    expect(second.asked[0]?.head.get('host')).toBe(`127.0.0.1:${second.origin.port}`);
    expect(await ended).toMatchObject({ outcome: 'completed', attempts: 2, resumes: 0 });
  });

  test('is answered as the last one answers where none has it [nginx]', async ({ net }) => {
    const { origin } = await server(net, () => sized('gone', [], 'HTTP/1.1 410 Gone'));
    const { client } = await streaming(net, [free, origin.url]);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(410);
  });

  test('moves to the second one in the middle where the first one dies, if their strong entity tags are equal, and does not wait for its Retry-After [Sluiceway]', async ({
    net,
  }) => {
    const first = await server(net, ({ index }) =>
      index === 0 ? BREAK : sized('', ['Retry-After: 3600'], 'HTTP/1.1 503 Busy'),
    );
    const second = await server(net, () => 'whole');
    const { client, ended } = await streaming(net, [first.origin.url, second.origin.url]);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(second.asked[0]?.head.get('range')).toBe(REST);
    expect(second.asked[0]?.head.get('if-range')).toBe('"v1"');
    expect(await ended).toMatchObject({
      outcome: 'completed',
      resumes: 1,
      bytesDown: file.length,
      bytesResumed: file.length - 40_000,
    });
  });

  test('stays broken where the second one has another entity tag, and never is put together of two [Sluiceway]', async ({
    net,
  }) => {
    const first = await server(net, ({ index }) =>
      index === 0 ? BREAK : sized('', [], 'HTTP/1.1 404 Not Found'),
    );
    const second = await server(net, () => 'whole', ['ETag: "v2"'], other);
    const { client, ended } = await streaming(net, [first.origin.url, second.origin.url]);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, 40_000))).toBe(true);
    expect((await ended).outcome).toBe('upstream_truncated');
  });

  test('is refused where no URL is given [Sluiceway]', async ({ net }) => {
    const { client } = await streaming(net, []);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(400);
  });

  test('stays broken where all that they share is the date of the file and its length [RFC 9110 8.8.3]', async ({
    net,
  }) => {
    const dated = ['Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT', 'Date: Wed, 25 Nov 2026 10:00:00 GMT'];
    const first = await server(
      net,
      ({ index }) => (index === 0 ? BREAK : sized('', [], 'HTTP/1.1 404 Not Found')),
      dated,
    );
    const second = await server(net, () => 'whole', dated, other);
    const { client } = await streaming(net, [first.origin.url, second.origin.url]);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, 40_000))).toBe(true);
  });

  test('moves on where the first one gives no head in time [nginx]', async ({ net }) => {
    const time = new StoppedTime(net);
    const silent = await net.origin(async (connection) => void (await connection.readHead()));
    const second = await server(net, () => 'whole');
    const { client } = await streaming(net, [silent.url, second.origin.url], {
      timeouts: { responseHead: 150 },
    });
    await client.get('/');
    await until(() => silent.total === 1, 'the first one was asked');
    await time.pass(150);
    expect((await client.readResponse()).content.equals(file)).toBe(true);
  });

  test('is had from the mirrors of an upstream, at the path of the request [Sluiceway]', async ({ net }) => {
    const second = await server(net, () => 'whole');
    const running = await net.proxy({
      upstream: { url: free, mirrors: [`${second.origin.url}/mirror?m=1`] },
    });
    const client = await net.client(running);
    await client.get('/disk.img?q=2');
    expect((await client.readResponse()).content.equals(file)).toBe(true);
    expect(second.asked[0]?.head.target).toBe('/mirror/disk.img?m=1&q=2');
  });

  test('is had from the mirrors that a hook names, without the credentials of the first server [curl]', async ({
    net,
  }) => {
    const second = await server(net, () => 'whole');
    const running = await net.proxy({
      upstream: free,
      onUpstreamRequest: ({ upstreamRequest }) => {
        upstreamRequest.headers.set('Authorization', 'secret');
        upstreamRequest.mirrors.push(`${second.origin.url}/x`);
      },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.equals(file)).toBe(true);
    expect(second.asked[0]?.head.has('authorization')).toBe(false);
  });

  test('is asked of one server only where the request has an effect [RFC 9110 9.2.1]', async ({ net }) => {
    const second = await server(net, () => 'whole');
    const running = await net.proxy({ upstream: { url: free, mirrors: [second.origin.url] } });
    const client = await net.client(running);
    await client.send('DELETE / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(second.asked).toEqual([]);
  });
});

describe('a file behind a redirect', () => {
  test('goes on at the place where the redirect has led to, and the redirect is walked again where that has expired [Sluiceway]', async ({
    net,
  }) => {
    const storage = await server(net, ({ head }) => {
      if (head.target === '/signed?1')
        return head.has('range') ? sized('', [], 'HTTP/1.1 403 Expired') : BREAK;
      return 'whole';
    });
    let walks = 0;
    const release = await server(net, () => {
      walks += 1;
      return sized('', [`Location: ${storage.origin.url}/signed?${walks}`], 'HTTP/1.1 302 Found');
    });
    const { client, ended } = await streaming(net, `${release.origin.url}/release`);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(storage.asked.map(({ head }) => [head.target, head.get('range')])).toEqual([
      ['/signed?1', undefined],
      ['/signed?1', REST],
      ['/signed?2', REST],
    ]);
    expect(await ended).toMatchObject({ resumes: 1 });
  });
});

describe('a URL that expires in the middle of a transfer', () => {
  test.for([401, 403, 404, 410])(
    'is asked for anew when its target answers %i, and the transfer goes on there [Sluiceway]',
    async (status, { net }) => {
      const { origin, asked } = await server(net, ({ index, head }) => {
        if (index === 0) return BREAK;
        return head.target === '/file?new' ? 'whole' : sized('', [], `HTTP/1.1 ${status} Expired`);
      });
      const expired: unknown[] = [];
      const running = await net.proxy({
        upstream: origin.url,
        resume: {
          refreshTarget: async ({ url, status: seen, request }) => {
            expired.push([url, seen, request.path]);
            return `${origin.url}/file?new`;
          },
        },
      });
      const client = await net.client(running);
      await client.get('/file?old');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.content.equals(file)).toBe(true);
      expect(expired).toEqual([[`${origin.url}/file?old`, status, '/file']]);
      expect(asked.at(-1)?.head.get('range')).toBe(REST);
    },
  );

  test('stays broken where there is none, or asking for one fails [Sluiceway]', async ({ net }) => {
    for (const refreshTarget of [
      () => undefined,
      () => {
        throw new Error('no');
      },
      () => 'not a URL',
    ]) {
      const { origin } = await server(net, ({ index }) =>
        index === 0 ? BREAK : sized('', [], 'HTTP/1.1 403 Expired'),
      );
      const running = await net.proxy({ upstream: origin.url, resume: { refreshTarget } });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).complete).toBe(false);
      expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
    }
  });

  test('stays broken where the application does not say in time which one is new, and leaves nothing behind where the client does not wait [Sluiceway]', async ({
    net,
  }) => {
    const askInVain = async (leaves: boolean) => {
      const { origin, asked } = await server(net, ({ index }) =>
        index === 0 ? BREAK : sized('', [], 'HTTP/1.1 403 Expired'),
      );
      let wasAsked = false;
      const running = await net.proxy({
        upstream: origin.url,
        resume: {
          timeout: leaves ? '1h' : 300,
          refreshTarget: () => {
            wasAsked = true;
            return new Promise(() => {});
          },
        },
      });
      const client = await net.client(running);
      await client.get('/');
      await until(() => wasAsked, 'the application was asked');
      if (leaves) client.close();
      else expect((await client.readResponse()).complete).toBe(false);
      expect(await running.record()).toMatchObject({
        outcome: leaves ? 'client_aborted' : 'upstream_truncated',
      });
      expect(asked).toHaveLength(2);
    };
    await Promise.all([false, true].map(askInVain));
  });
});
