import { describe, expect, vi } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { throughGateway } from '../support/gateway.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 1_000_000;

describe('a link', () => {
  test('gets its file whole, as an attachment that no page can be made of, with what describes it', async ({
    net,
  }) => {
    const { client, link, records } = await throughGateway(net, async (connection) => {
      await connection.readHead();
      await connection.write(
        `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\nContent-Type: text/html\r\nETag: "a"\r\nSet-Cookie: a=1\r\n` +
          'Clear-Site-Data: "*"\r\nStrict-Transport-Security: max-age=1\r\nAlt-Svc: h3\r\nRefresh: 0; url=/x\r\n' +
          'Server: secret\r\nX-Amz-Request-Id: secret\r\n\r\n',
      );
      await connection.writeSeeded('file', 0, SIZE);
      await connection.readAll();
    });
    await client.get(link('/bucket/secret-name.bin?token=secret', { filename: 'Zahlen €.html' }));
    const { head, content, complete } = await client.readResponse();
    expect(complete).toBe(true);
    expect(isSeeded('file', 0, content)).toBe(true);
    expect(head.lines.map((line) => line.replace(/:.*/, '').toLowerCase()).toSorted()).toEqual([
      'connection',
      'content-disposition',
      'content-length',
      'content-security-policy',
      'content-type',
      'date',
      'etag',
      'keep-alive',
      'referrer-policy',
      'x-content-type-options',
    ]);
    expect(head.get('content-disposition')).toBe(
      `attachment; filename="Zahlen ?.html"; filename*=UTF-8''Zahlen%20%E2%82%AC.html`,
    );
    expect(head.get('content-security-policy')).toBe('sandbox');
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({ outcome: 'completed', status: 200, bytesDown: SIZE });
    // Neither the target nor the link is in the record.
    expect(JSON.stringify(records)).not.toMatch(/secret|link=/);
  });

  test('tells the origin server nothing of the client, and gives it the fields of the grant', async ({
    net,
  }) => {
    let seen: RequestHead | undefined;
    const { client, link, origin } = await throughGateway(
      net,
      respondWith((head) => {
        seen = head;
        return sized('x');
      }),
    );
    await client.get(link('/a%2Fb?c=%20', { headers: { Authorization: 'Bearer origin' } }), [
      'Cookie: a=1',
      'Authorization: Bearer client',
      'X-Forwarded-For: 1.2.3.4',
      'Referer: http://x/',
      'Range: bytes=0-',
      'User-Agent: test',
    ]);
    await client.readResponse();
    expect(seen?.target).toBe('/a%2Fb?c=%20');
    const host = `Host: ${new URL(origin.url).host}`;
    expect(seen?.lines.toSorted()).toEqual(
      ['Authorization: Bearer origin', host, 'Range: bytes=0-', 'User-Agent: test'].toSorted(),
    );
  });

  test.for([
    ['cut', (link: string) => link.slice(0, -1)],
    ['changed', (link: string) => link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['with a further parameter', (link: string) => `${link}&x=1`],
    ['without its token', (link: string) => link.replace(/\?.*/, '')],
    ['twice', (link: string) => `${link}&${link.split('?')[1]}`],
  ] as const)('that is %s gets 403, and nobody is asked', async ([, change], { net }) => {
    const { client, link, origin, records } = await throughGateway(net, respondWith(sized('x')));
    await client.get(change(link('/')));
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(403);
    expect(content.toString()).not.toContain('127.0.0.1');
    expect(origin.total).toBe(0);
    await expect.poll(() => records[0]).toMatchObject({ outcome: 'rejected', error: 'link_invalid' });
  });

  test('that has expired gets 410, one for another method 405 with Allow, one for another client 403', async ({
    net,
  }) => {
    const { client, link, origin } = await throughGateway(net, respondWith(sized('x')));
    const expiring = link('/', { expires: '1h' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_602_000 });
    net.cleanup(() => vi.useRealTimers());
    await client.get(expiring);
    expect((await client.readResponse()).head.status).toBe(410);
    vi.useRealTimers();
    await client.get(link('/', { methods: ['HEAD'] }));
    const wrong = await client.readResponse();
    expect(wrong.head.status).toBe(405);
    expect(wrong.head.get('allow')).toBe('HEAD');
    await client.get(link('/', { clientIp: '10.0.0.0/8' }));
    expect((await client.readResponse()).head.status).toBe(403);
    expect(origin.total).toBe(0);
    await client.get(link('/', { clientIp: '127.0.0.1' }));
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('works for HEAD, for ranges, and again after a break', async ({ net }) => {
    const { client, link } = await throughGateway(
      net,
      respondWith((head) => {
        if (head.method === 'HEAD')
          return 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nAccept-Ranges: bytes\r\n\r\n';
        return sized('56789', ['Content-Range: bytes 5-9/10', 'ETag: "a"'], 'HTTP/1.1 206 Partial Content');
      }),
    );
    const url = link('/');
    await client.send(`HEAD ${url} HTTP/1.1\r\nHost: test\r\n\r\n`);
    const { head } = await client.readResponse({ method: 'HEAD' });
    expect([head.status, head.get('content-length'), head.get('accept-ranges')]).toEqual([
      200,
      '10',
      'bytes',
    ]);
    await client.get(url, ['Range: bytes=5-', 'If-Range: "a"']);
    const part = await client.readResponse();
    expect(part.head.status).toBe(206);
    expect(part.head.get('content-range')).toBe('bytes 5-9/10');
  });

  test('for a single use belongs to the first client that gets a response, ranges and further requests included', async ({
    net,
  }) => {
    const { client, link, running } = await throughGateway(
      net,
      respondWith((head) => sized(head.target)),
      {
        trustedProxies: ['127.0.0.1'],
      },
    );
    const url = link('/once', { singleUse: true });
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2']) {
      await client.get(url, [`X-Forwarded-For: ${address}`]);
      expect((await client.readResponse()).head.status).toBe(address === '10.0.0.2' ? 403 : 200);
    }
    expect(running.open).toBe(1);
  });

  test('for a single use stays free while nobody has got a successful response', async ({ net }) => {
    let status = 404;
    const { client, link } = await throughGateway(
      net,
      respondWith(() => sized('x', [], `HTTP/1.1 ${status} Status`)),
      {
        trustedProxies: ['127.0.0.1'],
      },
    );
    const url = link('/once', { singleUse: true });
    await client.get(url, ['X-Forwarded-For: 10.0.0.1']);
    expect((await client.readResponse()).head.status).toBe(404);
    status = 200;
    await client.get(url, ['X-Forwarded-For: 10.0.0.2']);
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('for a single use is not had by two clients at once', async ({ net }) => {
    const answer = new Gate();
    const { client, link, origin, running } = await throughGateway(
      net,
      async (connection) => {
        await connection.readHead();
        await answer.opened;
        await connection.write(sized('x'));
      },
      { trustedProxies: ['127.0.0.1'] },
    );
    const url = link('/once', { singleUse: true });
    await client.get(url, ['X-Forwarded-For: 10.0.0.1']);
    await until(() => origin.total === 1, 'the first request was there');
    const other = await net.client(running);
    await other.get(url, ['X-Forwarded-For: 10.0.0.2']);
    expect((await other.readResponse()).head.status).toBe(403);
    answer.open();
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('with a limit on its bytes ends at what the origin server declares, and visibly at the count', async ({
    net,
  }) => {
    const { client, link, running, records } = await throughGateway(
      net,
      respondWith((head) => {
        if (head.target === '/part')
          return sized('x', ['Content-Range: bytes 0-0/11'], 'HTTP/1.1 206 Partial Content');
        return head.target === '/sized' ? sized('12345678901') : chunked(['12345', '678901']);
      }),
    );
    for (const path of ['/sized', '/part']) {
      await client.get(link(path, { maxBytes: 10 }));
      expect((await client.readResponse()).head.status).toBe(502);
    }
    const other = await net.client(running);
    await other.get(link('/chunked', { maxBytes: 10 }));
    const cut = await other.readResponse();
    expect(cut.head.status).toBe(200);
    expect(cut.complete).toBe(false);
    await until(() => records.length === 3, 'the transfers had ended');
    expect(records.map(({ error, outcome }) => [error, outcome])).toEqual(
      Array.from({ length: 3 }, () => ['http_response_body_size', 'limited']),
    );
  });
});
