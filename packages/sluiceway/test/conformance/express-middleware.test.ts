import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createGzip, gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { createProxy, type Outcome } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { chunked, sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 20 * 1024 * 1024;

type Wrap = (response: ServerResponse) => void;

/** A server whose responses go through a middleware before the proxy gets them. */
async function wrapped(
  net: Network,
  script: OriginScript,
  wrap: Wrap,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<{ client: RawClient; outcomes: Outcome[] }> {
  const origin = await net.origin(script);
  const proxy = createProxy({ upstream: origin.url, ...options });
  const outcomes: Outcome[] = [];
  const running = await startServer((request, response) => {
    wrap(response);
    void proxy.handle(request, response).then((outcome) => outcomes.push(outcome));
  });
  net.cleanup(async () => {
    proxy.destroy();
    await running.stop();
  });
  return { client: await net.client(running), outcomes };
}

/** Keeps chunks by reference for a while, as a compressor does, and never calls back. */
const dropsCallback: Wrap = (response) => {
  const write = response.write.bind(response);
  response.write = ((chunk: Uint8Array) => {
    setImmediate(() => write(chunk));
    return true;
  }) as typeof response.write;
  const end = response.end.bind(response);
  response.end = ((chunk?: Uint8Array) => {
    setTimeout(() => end(chunk), 5);
    return response;
  }) as typeof response.end;
};

/** Says no until `drain`, and never calls back. */
const pushesBack: Wrap = (response) => {
  const write = response.write.bind(response);
  response.write = ((chunk: Uint8Array) => {
    setTimeout(() => {
      write(chunk);
      response.emit('drain');
    }, 1);
    return false;
  }) as typeof response.write;
  const end = response.end.bind(response);
  response.end = (() => {
    setTimeout(() => end(), 20);
    return response;
  }) as typeof response.end;
};

/** Codes what is written, as a compressor does, and describes it so. */
const compresses: Wrap = (response) => {
  const gzip = createGzip({ level: 1 });
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  const { writeHead } = response;
  response.writeHead = ((status: number, phrase?: string, given: OutgoingHttpHeaders = {}) => {
    const others = Object.entries(given).filter(([name]) => !/^content-length$/i.test(name));
    const fields = { 'Content-Encoding': 'gzip', ...Object.fromEntries(others) };
    return Reflect.apply(writeHead, response, [status, phrase, fields]) as ServerResponse;
  }) as typeof response.writeHead;
  gzip.on('data', (bytes: Buffer) => write(bytes));
  gzip.on('end', () => end());
  gzip.on('drain', () => response.emit('drain'));
  response.write = ((chunk: Uint8Array) => gzip.write(chunk)) as typeof response.write;
  response.end = (() => {
    gzip.end();
    return response;
  }) as typeof response.end;
};

const middlewares: [string, Wrap][] = [
  ['keeps chunks and drops the callback', dropsCallback],
  ['pushes back and drops the callback', pushesBack],
  ['compresses', compresses],
];

describe.each(middlewares)('behind a middleware that %s,', (_name, wrap) => {
  test.for(['sized', 'chunked'] as const)(
    '%s content arrives whole and unspliced [Express; Caddy]',
    async (framing, { net }) => {
      const { client, outcomes } = await wrapped(
        net,
        async (connection) => {
          await connection.readHead();
          if (framing === 'sized') {
            await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
            await connection.writeSeeded('wrapped', 0, SIZE);
          } else {
            await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
            for (let at = 0; at < SIZE; at += 100_000)
              await connection.write(toChunk(seededBytes('wrapped', at, Math.min(100_000, SIZE - at))));
            await connection.write('0\r\n\r\n');
          }
        },
        wrap,
      );
      await client.get('/');
      const response = await client.readResponse();
      const coded = response.head.get('content-encoding') === 'gzip';
      expect(coded).toBe(wrap === compresses);
      const content = coded ? gunzipSync(response.content) : response.content;
      expect(response.complete).toBe(true);
      expect(content.length).toBe(SIZE);
      expect(isSeeded('wrapped', 0, content)).toBe(true);
      await until(() => outcomes.length > 0, 'the transfer had ended');
      expect(outcomes).toEqual(['completed']);
    },
  );

  test('content that breaks off never ends cleanly [Express; RFC 9112 8]', async ({ net }) => {
    const { client } = await wrapped(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n');
        await connection.writeSeeded('wrapped', 0, 500_000);
        connection.end();
      },
      wrap,
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
  });
});

type Given = OutgoingHttpHeaders | readonly string[];

/** As `on-headers`, with which sessions and compression look at a head. */
const looksAtHead: Wrap = (response) => {
  const { writeHead } = response;
  response.writeHead = ((status: number, phrase: string, given: Given = []) => {
    const flat: readonly (readonly [string, OutgoingHttpHeaders[string]])[] = Array.isArray(given)
      ? given.flatMap((name, i) => (i % 2 === 0 ? [[name, given[i + 1]] as const] : []))
      : Object.entries(given);
    for (const [name, value = ''] of flat) response.setHeader(name, value);
    return Reflect.apply(writeHead, response, [status, phrase]) as ServerResponse;
  }) as typeof response.writeHead;
};

/** As on-headers before 1.1, which older versions of compression, morgan and express-session have. */
const takesPairs: Wrap = (response) => {
  const { writeHead } = response;
  response.writeHead = ((status: number, phrase: string, given: OutgoingHttpHeaders | string[][] = {}) => {
    const pairs = Array.isArray(given) ? given : Object.entries(given);
    for (const [name = '', value = ''] of pairs) response.setHeader(name, value);
    return Reflect.apply(writeHead, response, [status, phrase]) as ServerResponse;
  }) as typeof response.writeHead;
};

const setsFields: Wrap = (response) => {
  response.setHeader('X-Own', '1').setHeader('X-Both', 'mine').setHeader('Content-Length', '1');
};

const heads: [string, Wrap][] = [
  ['sets fields', setsFields],
  ['looks at the head', looksAtHead],
  ['takes fields for pairs', takesPairs],
];

test.for(heads)(
  'behind a middleware that %s all lines of one name arrive, in their order, and the framing is that of the content [Express; Go ReverseProxy]',
  async ([, wrap], { net }) => {
    const lines = ['Set-Cookie: a=1', 'X-Both: theirs', 'Set-Cookie: b=\xe9', 'set-cookie: c=3'];
    const { client } = await wrapped(
      net,
      respondWith(() => chunked(['content'], lines)),
      wrap,
    );
    for (let i = 0; i < 2; i += 1) {
      await client.get('/');
      const { head, content, complete, delimitedBy } = await client.readResponse();
      expect(head.getAll('set-cookie')).toEqual(['a=1', 'b=\xe9', 'c=3']);
      expect(head.getAll('x-both')).toEqual(['theirs']);
      expect(head.get('x-own')).toBe(wrap === setsFields ? '1' : undefined);
      expect([content.toString(), complete, delimitedBy]).toEqual(['content', true, 'chunked']);
    }
  },
);

describe('fields that something has set before', () => {
  const origin: OriginScript = respondWith(() => sized('x', ['X-Twice: 1', 'X-Twice: 2', 'X-Origin: 1']));

  test('and removed again leave all lines of the response [Express]', async ({ net }) => {
    const { client } = await wrapped(net, origin, (response) => {
      response.setHeader('X-Powered-By', 'x').removeHeader('X-Powered-By');
    });
    await client.get('/');
    expect((await client.readResponse()).head.getAll('x-twice')).toEqual(['1', '2']);
  });

  test('are all that is left of a head that cannot be sent [Sluiceway]', async ({ net }) => {
    const { client } = await wrapped(net, origin, setsFields, {
      onUpstreamResponse: ({ response }) => {
        response.statusText = 'two\r\nlines';
      },
    });
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.status).toBe(500);
    expect([head.has('x-origin'), head.has('x-twice'), head.get('x-own')]).toEqual([false, false, '1']);
  });
});

test('a client that left before the proxy got its request costs no upstream request [Express]', async ({
  net,
}) => {
  const origin = await net.origin(() => {});
  const proxy = createProxy({ upstream: origin.url });
  const outcome = new Promise<Outcome>((resolve) => {
    void startServer((request, response) => {
      response.once('close', () => {
        setImmediate(() => void proxy.handle(request, response).then(resolve));
      });
    }).then(async (running) => {
      net.cleanup(() => running.stop());
      const client = await net.client(running);
      await client.get('/');
      client.close();
    });
  });
  expect(await outcome).toBe('client_aborted');
  expect(origin.total).toBe(0);
  await proxy.close();
});
