import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { http2Line } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\nX-A: \xe9\r\n\r\n';

describe('interim responses', () => {
  test('pass one by one, in order, with their fields, before the final one [RFC 9110 15.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        `HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\nX-Obs: \xe9\r\n\r\n` +
          `HTTP/1.1 102 Processing\r\nLink: </c>\r\n\r\n` +
          `HTTP/1.1 199 \r\n\r\n${sized('final', ['Link: </d>']).toString('latin1')}`,
      ),
    );
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.interim.map((head) => [head.startLine, ...head.lines])).toEqual([
        ['HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload', 'link: </b>', 'X-Obs: \xe9'],
        ['HTTP/1.1 102 Processing', 'Link: </c>'],
        ['HTTP/1.1 199 '],
      ]);
      expect(response.head.getAll('link')).toEqual(['</d>']);
      expect(response.content.toString()).toBe('final');
    }
  });

  test('are with the client before the origin server says more [RFC 8297 2]', async ({ net }) => {
    const seen = new Gate();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      await seen.opened;
      await connection.write(sized('final'));
    });
    await client.get('/');
    expect((await client.readHead()).status).toBe(103);
    seen.open();
    expect((await client.readResponse()).content.toString()).toBe('final');
  });

  test('come without their hop-by-hop and nominated fields [RFC 9110 7.6.1; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        `HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nAlt-Svc: h3\r\nLink: </a>\r\n\r\n${sized('x').toString()}`,
      ),
    );
    await client.get('/');
    const { interim } = await client.readResponse();
    expect(interim.map((head) => head.lines)).toEqual([['Link: </a>']]);
  });

  test('come without a Content-Length, which none of them may have [RFC 9110 8.6]', async ({ net }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n');
      await connection.write(sized('done'));
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim.map(({ lines }) => lines)).toEqual([['Link: </a>']]);
    expect(response.content.toString()).toBe('done');
  });

  test('do not cost the final response the fields that a middleware had set [Go ReverseProxy]', async ({
    net,
  }) => {
    const { createProxy } = await import('../../src/index.js');
    const { startServer } = await import('../support/servers.js');
    const origin = await net.origin(respondWith(EARLY + sized('x', ['X-Own: 1']).toString()));
    const proxy = createProxy({ upstream: origin.url });
    const running = await startServer((request, response) => {
      response.setHeader('X-Middleware', 'kept');
      void proxy.handle(request, response);
    });
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(1);
    expect(response.head.get('x-middleware')).toBe('kept');
    expect(response.head.get('x-own')).toBe('1');
  });

  test('of 100 that the client did not ask for are not passed on [RFC 9110 15.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${sized('x').toString()}`),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.content.toString()).toBe('x');
  });

  test('pass, be they five hundred at once [RFC 9110 15.2; Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith('HTTP/1.1 102 Processing\r\n\r\n'.repeat(500) + sized('x').toString()),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(500);
    expect(response.head.status).toBe(200);
  });

  test('pass without end, as long as they come at a human rate [RFC 9110 15.2; RFC 4918 20.1]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const said = new Gate();
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      for (let i = 0; i < 60; i += 1) {
        await connection.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(100));
        await time.pass(1000);
      }
      said.open();
      await connection.write(sized('done'));
    });
    await client.get('/');
    await said.opened;
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(6000);
    expect(response.content.toString()).toBe('done');
  });

  test('are kept from a client of the thirdParty profile, and so is a Set-Cookie in them [Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(`HTTP/1.1 103 Early Hints\r\nSet-Cookie: a=1\r\n\r\n${sized('x').toString()}`),
      { profile: 'thirdParty', addresses: 'any' },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.head.status).toBe(200);
  });

  test('that come after the transfer has failed reach nobody, least of all the next request [Go ReverseProxy]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const failed = new Gate();
    const { client, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        if (connection.index > 0) return connection.write(sized('second'));
        await failed.opened;
        await connection.write(EARLY + sized('first').toString());
        await connection.readAll();
      },
      { timeouts: { responseHead: 100 } },
    );
    await client.get('/first');
    await until(() => origin.total === 1, 'the request had come');
    await time.pass(100);
    expect((await client.readResponse()).head.status).toBe(504);
    failed.open();
    await origin.connections[0]?.closed;
    await client.get('/second');
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.content.toString()).toBe('second');
  });

  test('that come after the client has left harm nobody [Go ReverseProxy]', async ({ net }) => {
    const left = new Gate();
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await left.opened;
      for (let i = 0; i < 10; i += 1) void connection.write(EARLY);
      await connection.readAll();
    });
    await client.get('/');
    await until(() => origin.total === 1, 'the request had come');
    client.reset();
    left.open();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', status: null });
  });
});

describe('the option interimResponses', () => {
  const wire = `${EARLY}HTTP/1.1 102 Processing\r\n\r\n${sized('final').toString('latin1')}`;

  test.for(['http2', 'none'] as const)(
    "with '%s' keeps interim responses from an HTTP/1.1 client, which gets the final one [Sluiceway]",
    async (interimResponses, { net }) => {
      const { client } = await through(net, respondWith(wire), { interimResponses });
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response.interim).toEqual([]);
        expect(response.content.toString()).toBe('final');
      }
    },
  );

  test.for([
    ['pass', [103, 102]],
    ['http2', [103, 102]],
    ['none', []],
  ] as const)(
    "with '%s' lets an HTTP/2 client have %j [RFC 9110 15.2; Sluiceway]",
    async ([interimResponses, statuses], { net }) => {
      const { client } = await http2Line(net, respondWith(wire), { interimResponses });
      const { interim, content } = await client.get('/');
      expect(interim.map((head) => head[':status'])).toEqual(statuses);
      expect(content.toString()).toBe('final');
    },
  );

  test('is none with the profile thirdParty, and what passes where it is given has no other fields than a response [Sluiceway]', async ({
    net,
  }) => {
    const thirdParty = { profile: 'thirdParty', addresses: 'any' } as const;
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nSet-Cookie: a=1\r\nContent-Language: de\r\n\r\n';
    const script = respondWith(`${early}${sized('final').toString('latin1')}`);
    const { client } = await through(net, script, thirdParty);
    await client.get('/');
    expect((await client.readResponse()).interim).toEqual([]);

    const { client: told } = await through(net, script, { ...thirdParty, interimResponses: 'pass' });
    await told.get('/');
    const { interim } = await told.readResponse();
    expect(interim.map(({ lines }) => lines)).toEqual([['Content-Language: de']]);
  });

  test('does not keep a 100 from a client that expects one [RFC 9110 10.1.1]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        const head = await connection.readHead();
        await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
        await connection.readExactly(Number(head.get('content-length')));
        await connection.write(sized('final'));
      },
      { interimResponses: 'none' },
    );
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect((await client.readHead()).status).toBe(100);
    await client.send('hello');
    expect((await client.readResponse()).content.toString()).toBe('final');
  });
});
