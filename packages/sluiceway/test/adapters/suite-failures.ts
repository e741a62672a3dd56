import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { type AppLine, ended } from './app-line.js';

const hangsUp: OriginScript = async (connection) => {
  await connection.readHead();
  connection.end();
};

const answersEach: OriginScript = async (connection) => {
  for (;;) {
    await connection.readHead();
    await connection.write(sized('content'));
  }
};

const POST = 'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: ';

/** Where the proxy answers its failures. */
export function testOwnAnswers(app: AppLine): void {
  describe('a failure before the response', () => {
    test("is the proxy's to answer where the application wants that [RFC 9457 3]", async ({ net }) => {
      const { client, errors } = await app.through(net, hangsUp, { options: { errors: 'answer' } });
      await client.get('/');
      const { head } = await client.readResponse();
      expect([head.status, head.get('content-type')]).toEqual([502, 'application/problem+json']);
      expect(errors).toEqual([]);
    });

    test("has the proxy's fields in the answer of the framework too [RFC 9209 2]", async ({ net }) => {
      const line = await app.through(net, hangsUp, {
        ownErrors: true,
        proxy: {
          requestId: true,
          cors: { origins: ['https://app.test'] },
          headers: { response: { set: { 'X-Frame-Options': 'DENY', 'Content-Language': 'de' } } },
        },
      });
      await line.client.get('/', ['Origin: https://app.test']);
      const { head } = await line.client.readResponse();
      expect(head.status).toBe(502);
      expect(head.get('x-request-id')).toBe((await ended(line)).requestId);
      expect(head.get('access-control-allow-origin')).toBe('https://app.test');
      expect(head.get('vary')?.toLowerCase()).toContain('origin');
      expect(head.get('proxy-status')).toContain('error=connection_terminated');
      expect(head.get('x-frame-options')).toBe('DENY');
    });
  });
}

/** Where failures go to the error handler of the framework. */
export function testErrorHandler(app: AppLine): void {
  describe('a failure before the response', () => {
    test('goes to the error handler, once and with nothing that no client may know [Express; Koa; Fastify]', async ({
      net,
    }) => {
      const { client, origin, errors } = await app.through(net, hangsUp);
      await client.get('/');
      const { head, content } = await client.readResponse();
      expect([head.status, content.toString()]).toEqual([
        502,
        'handled: The origin server closed the connection.',
      ]);
      expect(errors).toHaveLength(1);
      const [error] = errors as [SluicewayError & { statusCode: number; expose: boolean }];
      expect(error).toBeInstanceOf(SluicewayError);
      expect([error.code, error.status, error.statusCode, error.expose]).toEqual([
        'connection_terminated',
        502,
        502,
        false,
      ]);
      expect(String(error.stack)).not.toContain(String(origin.port));
      expect(error.cause).toBeInstanceOf(SluicewayError);
    });

    test('that nobody handles gets its status of the framework, and tells nothing internal [Express; Koa; Fastify]', async ({
      net,
    }) => {
      const { client, origin } = await app.through(net, hangsUp, { ownErrors: true });
      await client.get('/');
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(502);
      expect(head.get('cache-control')).toContain('no-store');
      expect(content.toString()).not.toContain(String(origin.port));
      expect(content.toString()).not.toContain('127.0.0.1');
    });

    test('during an upload is answered, and the connection closed, since nobody reads the rest [RFC 9112 9.6]', async ({
      net,
    }) => {
      const { client } = await app.through(net, hangsUp);
      await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbeginning');
      const { head, complete } = await client.readResponse();
      expect([head.status, head.get('connection'), complete]).toEqual([502, 'close', true]);
    });

    test.for([
      ['is no request', 'GARBAGE\r\n\r\n'],
      ['names two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
      ['has a coding beside chunked', `${POST}gzip, chunked\r\n\r\n0\r\n\r\n`],
      ['has chunks that are not valid', `${POST}chunked\r\n\r\nxyz\r\n`],
    ] as const)(
      'where what follows good requests %s comes after their responses, and is the last [RFC 9112 6.1; RFC 9112 9.3.2; HAProxy]',
      async ([, bad], { net }) => {
        const { client, records } = await app.through(net, answersEach, { ownErrors: true, upgrades: true });
        const good = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
        await client.send(good + good + bad + good);
        for (let i = 0; i < 2; i += 1) expect((await client.readResponse()).head.status).toBe(200);
        const { head } = await client.readResponse();
        expect([head.status, head.get('connection')]).toEqual([400, 'close']);
        expect(await client.closed).toBe('fin');
        expect(records.filter(({ outcome }) => outcome === 'completed')).toHaveLength(2);
      },
    );

    test('of a method that is not served names the ones that are [RFC 9110 15.5.6]', async ({ net }) => {
      const { client } = await app.through(net, hangsUp, {
        proxy: { profile: 'thirdParty', addresses: 'any' },
        ownErrors: true,
      });
      await client.send('DELETE / HTTP/1.1\r\nHost: test\r\n\r\n');
      const { head } = await client.readResponse();
      expect([head.status, head.get('allow')]).toEqual([405, 'GET, HEAD']);
    });
  });
}
