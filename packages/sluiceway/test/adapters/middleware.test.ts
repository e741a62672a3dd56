import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';
import timeout from 'connect-timeout';
import cors from 'cors';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { describe, expect } from 'vitest';
import { toExpress } from '../../src/express.js';
import { createProxy, type Outcome } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import { chunked, sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';
import { listen } from './adapter-under-test.js';

const SIZE = 300_000;
const content = seededBytes('middleware', 0, SIZE);
const TEXT = 'Content-Type: text/plain';

interface Line {
  client: RawClient;
  port: number;
  origin: RawOrigin;
  outcomes: Outcome[];
}

/** An application that is written as its users do, with a proxy behind the middleware. */
async function behind(
  net: Network,
  script: OriginScript,
  middleware: readonly RequestHandler[],
  more: (app: Express) => void = () => {},
): Promise<Line> {
  const origin = await net.origin(script);
  const outcomes: Outcome[] = [];
  const proxy = createProxy({
    upstream: origin.url,
    observers: [{ onTransferEnd: ({ outcome }) => void outcomes.push(outcome) }],
  });
  const app = express().set('env', 'test');
  for (const each of middleware) app.use(each);
  app.use('/files', toExpress(proxy));
  more(app);
  const running = await listen(createServer(app));
  net.cleanup(async () => {
    proxy.destroy();
    await running.close();
  });
  return { client: await net.client(running.port), port: running.port, origin, outcomes };
}

describe('behind compression()', () => {
  const accepts = ['Accept-Encoding: gzip'];
  const framings = {
    sized: sized(content, [TEXT, 'ETag: "v1"']),
    chunked: chunked([content], [TEXT]),
  };

  test.for(Object.entries(framings))(
    '%s content arrives whole, compressed [Express]',
    async ([, response], { net }) => {
      const { client, outcomes } = await behind(
        net,
        respondWith(() => response),
        [compression()],
      );
      for (let i = 0; i < 2; i += 1) {
        await client.get('/files/a', accepts);
        const { head, complete, content: coded } = await client.readResponse();
        expect([head.status, head.get('content-encoding'), complete]).toEqual([200, 'gzip', true]);
        expect(isSeeded('middleware', 0, gunzipSync(coded))).toBe(true);
      }
      await until(() => outcomes.length === 2, 'the transfers had ended');
      expect(outcomes).toEqual(['completed', 'completed']);
    },
  );

  test('content that breaks off never ends cleanly [Express; RFC 9112 8]', async ({ net }) => {
    const { client, outcomes } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(sized(content, [TEXT]).subarray(0, -1));
        connection.end();
      },
      [compression()],
    );
    await client.get('/files/a', accepts);
    expect((await client.readResponse()).complete).toBe(false);
    expect(outcomes).toEqual(['upstream_truncated']);
  });

  test('an event arrives before the next one is sent [Express]', async ({ net }) => {
    const arrived = new Gate();
    const { port } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
        );
        await connection.write(toChunk('data: 1\n\n'));
        await arrived.opened;
        await connection.write(toChunk('data: 2\n\n'));
        await connection.write('0\r\n\r\n');
      },
      [compression()],
    );
    const { headers, body } = await fetch(`http://127.0.0.1:${port}/files/events`);
    expect(headers.get('content-encoding')).toBe('gzip');
    let text = '';
    for await (const part of body ?? []) {
      text += Buffer.from(part).toString();
      if (text.includes('data: 1')) arrived.open();
    }
    expect(text).toBe('data: 1\n\ndata: 2\n\n');
  });

  test('a response that says no-transform passes as it is, with its length, validator and ranges [Express; RFC 9110 7.7]', async ({
    net,
  }) => {
    const lines = [TEXT, 'ETag: "v1"', 'Accept-Ranges: bytes', 'Cache-Control: no-transform'];
    const { client } = await behind(
      net,
      respondWith(() => sized(content, lines)),
      [compression()],
    );
    await client.get('/files/a', accepts);
    const { head, content: received } = await client.readResponse();
    expect(head.has('content-encoding')).toBe(false);
    expect(head.contentLength).toBe(SIZE);
    expect(head.get('etag')).toBe('"v1"');
    expect(received.equals(content)).toBe(true);
  });

  test('events that say no-transform arrive one by one [Express; WHATWG HTML 9.2]', async ({ net }) => {
    const first = new Gate();
    const { client } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n\r\n',
        );
        await connection.write(toChunk('data: 1\n\n'));
        await first.opened;
        await connection.write(`${toChunk('data: 2\n\n').toString()}0\r\n\r\n`);
      },
      [compression()],
    );
    await client.get('/files/a', accepts);
    const head = await client.readHead();
    const parts: string[] = [];
    await client.readContent(head, {
      onContent: (bytes) => {
        parts.push(bytes.toString());
        first.open();
      },
    });
    expect(parts).toEqual(['data: 1\n\n', 'data: 2\n\n']);
  });

  test('a download that is no text is not compressed, and keeps its length [Express]', async ({ net }) => {
    const zip = sized(content, ['Content-Type: application/zip']);
    const { client } = await behind(
      net,
      respondWith(() => zip),
      [compression()],
    );
    await client.get('/files/a', accepts);
    expect((await client.readResponse()).head.contentLength).toBe(SIZE);
  });
});

test('behind helmet() a response has its fields, and the origin server has the last word about one that both have [Express]', async ({
  net,
}) => {
  const own = 'Content-Security-Policy: sandbox';
  const { client } = await behind(
    net,
    respondWith(() => sized('x', [own])),
    [helmet()],
  );
  await client.get('/files/a');
  const { head } = await client.readResponse();
  expect(head.getAll('content-security-policy')).toEqual(['sandbox']);
  expect(head.get('x-content-type-options')).toBe('nosniff');
  expect(head.get('strict-transport-security')).toContain('max-age');
});

describe('behind cors()', () => {
  const origin = cors({ origin: ['https://app.test', 'https://other.test'], credentials: true });

  test('a response says whom it is for, and Vary names what both go by [Express; RFC 9110 12.5.5]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      respondWith(() => sized('x', ['Vary: Accept-Encoding'])),
      [origin],
    );
    await client.get('/files/a', ['Origin: https://app.test']);
    const { head } = await client.readResponse();
    expect(head.get('access-control-allow-origin')).toBe('https://app.test');
    expect(head.get('vary')).toBe('Origin, Accept-Encoding');
  });

  test('the question of a browser is answered without the origin server [Express]', async ({ net }) => {
    const { client, origin: asked } = await behind(net, () => {}, [origin]);
    await client.send(
      'OPTIONS /files/a HTTP/1.1\r\nHost: test\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n',
    );
    expect((await client.readResponse()).head.status).toBe(204);
    expect(asked.total).toBe(0);
  });
});

test("a cookie that middleware has set goes out beside the origin server's [Express; Go ReverseProxy]", async ({
  net,
}) => {
  const { client } = await behind(
    net,
    respondWith(() => sized('x', ['Set-Cookie: b=2', 'Set-Cookie: c=3'])),
    [
      (_, response, next) => {
        response.cookie('a', '1');
        next();
      },
    ],
  );
  await client.get('/files/a');
  const { head } = await client.readResponse();
  expect(head.getAll('set-cookie').toSorted()).toEqual(['a=1; Path=/', 'b=2', 'c=3']);
});

test('behind express.json() content of another type passes, and JSON is refused with the reason [Express]', async ({
  net,
}) => {
  const reasons: unknown[] = [];
  const { client, origin } = await behind(
    net,
    respondWith((_, bytes) => sized(String(bytes.length))),
    [express.json()],
    (app) =>
      app.use(((error: Error, _request, response, _next) => {
        reasons.push(error.cause);
        response.sendStatus(500);
      }) as express.ErrorRequestHandler),
  );
  await client.send('PUT /files/a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
  expect((await client.readResponse()).content.toString()).toBe('5');
  await client.send(
    'PUT /files/a HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  );
  expect((await client.readResponse()).head.status).toBe(500);
  expect(reasons.map(String)).toEqual([expect.stringContaining('mount the proxy before body parsers')]);
  expect(origin.total).toBe(1);
});

describe('behind a timeout of the application', () => {
  test('that fires while the origin server is waited for its answer is whole, and the origin server left [Express]', async ({
    net,
  }) => {
    const { client, origin, outcomes } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.closed;
      },
      [timeout(20)],
    );
    await client.get('/files/a');
    const { head, complete } = await client.readResponse();
    expect([head.status, complete]).toEqual([503, true]);
    await until(() => outcomes.length === 1, 'the transfer had ended');
    await origin.connections[0]?.closed;
    expect(outcomes).toEqual(['internal']);
  });

  test('that fires while content is under way breaks it off visibly [Express; RFC 9112 8]', async ({
    net,
  }) => {
    const { client } = await behind(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(sized(content).subarray(0, 1000));
        await connection.closed;
      },
      // Once the head is out, as middleware that does not look whether it is.
      [
        (_, response, next) => {
          next();
          void until(() => response.headersSent, 'the head was out').then(() => next(new Error('late')));
        },
      ],
    );
    await client.get('/files/a');
    expect((await client.readResponse()).complete).toBe(false);
  });
});
