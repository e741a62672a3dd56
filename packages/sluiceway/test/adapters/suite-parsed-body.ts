import { describe, expect } from 'vitest';
import type { SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import type { RawClient, RawResponse } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import type { AppLine } from './app-line.js';

/** Where a framework has parsers of request content. */
export function testParsedBody(app: AppLine): void {
  describe('behind body parsers', () => {
    const JSON_TYPE = 'application/json; charset=utf-8';
    const FORM_TYPE = 'application/x-www-form-urlencoded';
    const post = async (client: RawClient, type: string, text: string): Promise<RawResponse> => {
      const bytes = Buffer.from(text);
      await client.send(
        `POST / HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      );
      await client.send(bytes);
      return client.readResponse();
    };
    const echoes = respondWith((head, bytes) =>
      sized(`${head.get('content-length')} ${bytes.toString('latin1')}`),
    );

    test('content that one has read is refused, with an error that names the order of middleware [Express; Fastify]', async ({
      net,
    }) => {
      const { client, origin, errors } = await app.through(net, echoes, { parsesBody: true });
      const { head } = await post(client, JSON_TYPE, '{"a":1}');
      expect(head.status).toBe(500);
      if (app.has('error-handler'))
        expect(String((errors[0] as SluicewayError).cause)).toMatch(/mount the proxy before body parsers/);
      expect(origin.total).toBe(0);
    });

    test('content that none has read passes as it came [Express; Fastify]', async ({ net }) => {
      const { client } = await app.through(net, echoes, { parsesBody: true });
      const { head, content } = await post(client, 'application/zip', 'PK');
      expect([head.status, content.toString()]).toEqual([200, '2 PK']);
    });

    const coded: [kind: string, type: string, content: Buffer][] = [
      ['a form in ISO-8859-1', `${FORM_TYPE}; charset=iso-8859-1`, Buffer.from('a=%E9')],
      ['JSON in UTF-16', 'application/json; charset=utf-16le', Buffer.from('{"a":"\u00e9"}', 'utf16le')],
    ];
    test.for(coded)('%s is never made anew as UTF-8 [RFC 9110 8.3.2]', async ([, type, sent], { net }) => {
      const { client, origin } = await app.through(
        net,
        respondWith((_, bytes) => sized(bytes.toString('hex'))),
        { parsesBody: true, options: { reuseParsedBody: true } },
      );
      await client.send(
        `POST / HTTP/1.1\r\nHost: test\r\nContent-Type: ${type}\r\nContent-Length: ${sent.length}\r\n\r\n`,
      );
      await client.send(sent);
      const { head, content } = await client.readResponse();
      // A parser that does not know the charset refuses it, and what it has lost is not made up.
      if (head.status === 200) expect(content.toString()).toBe(sent.toString('hex'));
      else expect(origin.total).toBe(0);
    });

    const bodies: [kind: string, type: string, sent: string, expected: string][] = [
      ['JSON', JSON_TYPE, '{ "a" : [1, "ü", null] }', '{"a":[1,"ü",null]}'],
      ['a form', FORM_TYPE, 'a=1+2&b=%C3%BC&b=%26', 'a=1+2&b=%C3%BC&b=%26'],
    ];
    test.for(bodies)(
      '%s that one has read is made anew where that is wanted [http-proxy-middleware; Express]',
      async ([, type, sent, expected], { net }) => {
        const { client } = await app.through(net, echoes, {
          parsesBody: true,
          options: { reuseParsedBody: true },
        });
        const { head, content } = await post(client, type, sent);
        expect(head.status).toBe(200);
        // Hono keeps the text of what it has parsed.
        const texts = [expected, sent].map((text) => `${Buffer.byteLength(text)} ${text}`);
        expect(texts).toContain(content.toString());
      },
    );
  });
}
