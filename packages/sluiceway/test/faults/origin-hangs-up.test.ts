import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const HANGING_UP = ['end', 'reset', 'destroy'] as const;

const MOMENTS: [string, (connection: OriginConnection) => Promise<void>][] = [
  ['at once', async () => {}],
  ['after the request', async (connection: OriginConnection) => void (await connection.readHead())],
  [
    'within the status line',
    async (connection: OriginConnection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 20');
    },
  ],
  [
    'within the head',
    async (connection: OriginConnection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n');
    },
  ],
  [
    'between the last CR and LF of the head',
    async (connection: OriginConnection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r');
    },
  ],
  [
    'after a 103',
    async (connection: OriginConnection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    },
  ],
];

describe.each(HANGING_UP)('an origin server that hangs up (%s)', (how) => {
  test.for(MOMENTS)(
    '%s is answered 502, and the client connection is kept [Go ReverseProxy; nginx]',
    async ([, script], { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await script(connection);
        connection[how]();
      });
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response.head.status).toBe(502);
        expect(response).toMatchObject({ complete: true, ended: undefined });
        const record = await running.record(i);
        expect(record.error).toBe('connection_terminated');
        expect(record.outcome).toBe('upstream_refused');
      }
      expect(origin.total).toBe(2);
    },
  );

  test('in the midst of an upload is answered 502 [Go ReverseProxy]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.readExactly(100_000);
      connection[how]();
      // Behind what has come of the upload there is the proxy's own end.
      if (how === 'end') await connection.readAll();
    });
    void client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 20000000\r\n\r\n');
    void client.send(Buffer.alloc(20_000_000));
    const response = await client.readResponse();
    expect(response.head.status).toBe(502);
    expect(response.complete).toBe(true);
    expect((await running.record()).outcome).toBe('upstream_refused');
  });
});

describe('a kept connection that the origin server closes just as the next request comes', () => {
  /** Answers the first request of each connection, and hangs up at the second without a word. */
  const answersOnce =
    (heads: string[], how: 'end' | 'reset' | 'destroy') =>
    async (connection: OriginConnection): Promise<void> => {
      const first = await connection.readRequest();
      heads.push(`${connection.index} ${first.head.method} ${first.content.toString()}`);
      await connection.write(sized('content'));
      const second = await connection.readHead();
      heads.push(`${connection.index} ${second.method}`);
      connection[how]();
    };

  test.for(HANGING_UP)(
    '(%s) costs a GET nothing: it is sent again once on a fresh one [RFC 9112 9.3.1; Go ReverseProxy]',
    async (how, { net }) => {
      const heads: string[] = [];
      const { client, origin, running } = await through(net, answersOnce(heads, how));
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        expect((await client.readResponse()).content.toString()).toBe('content');
      }
      expect(heads).toEqual(['0 GET ', '0 GET', '1 GET ']);
      expect(origin.total).toBe(2);
      expect(await running.record(1)).toMatchObject({ outcome: 'completed' });
    },
  );

  test('leads to 502, not to trying for ever, where the fresh one is closed as well [RFC 9112 9.3.1]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, async (connection) => {
      await connection.readHead();
      if (connection.index > 0) {
        connection.reset();
        return;
      }
      await connection.write(sized('content'));
      await connection.readHead();
      connection.reset();
    });
    await client.get('/');
    await client.readResponse();
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(2);
  });

  test.for([
    ['a POST with content', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello'],
    ['a PUT whose content is under way', 'PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello'],
    ['a POST without content', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n'],
    ['a PATCH', 'PATCH / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n'],
  ] as const)(
    'leads to 502 for %s, which is sent only once [RFC 9110 9.2.2; nginx]',
    async ([, request], { net }) => {
      const heads: string[] = [];
      const { client, origin } = await through(net, answersOnce(heads, 'reset'));
      await client.get('/');
      await client.readResponse();
      await client.send(request);
      expect((await client.readResponse()).head.status).toBe(502);
      expect(origin.total).toBe(1);
      expect(heads).toHaveLength(2);
    },
  );

  test('leads to 502 for a GET that has had an interim response, which is not sent again [RFC 9112 9.3.1]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(sized('content'));
      await connection.readHead();
      await connection.write('HTTP/1.1 103 Early Hints\r\n\r\n');
      connection.end();
    });
    await client.get('/');
    await client.readResponse();
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(1);
    expect(response.head.status).toBe(502);
    expect(origin.total).toBe(1);
  });
});
