import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

const statuses = respondWith(({ method, target }) => {
  const status = Number(target.slice(1));
  const start = `HTTP/1.1 ${status} Any`;
  if (method === 'HEAD' || status === 304) return `${start}\r\nContent-Length: 4\r\n\r\n`;
  return sized('file', status === 206 ? ['Content-Range: bytes 0-3/8'] : [], start);
});

describe('a link for a single use', () => {
  test.for([
    ['is taken', 'GET', 200],
    ['is taken', 'GET', 206],
    ['stays free', 'HEAD', 200],
    ['stays free', 'GET', 304],
    ['stays free', 'GET', 412],
    ['stays free', 'GET', 416],
    ['stays free', 'GET', 404],
    ['stays free', 'HEAD', 404],
  ] as const)(
    '%s when a %s is answered with %i [RFC 9110 15.3; Sluiceway]',
    async ([what, method, status], { net }) => {
      const { client, link } = await throughGateway(net, statuses, { trustedProxies: ['127.0.0.1'] });
      const target = link(`/${status}`, { singleUse: true });
      const ask = async (address: string) => {
        await client.send(
          `${method} ${target} HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: ${address}\r\n\r\n`,
        );
        return (await client.readResponse({ method })).head.status;
      };
      expect(await ask('192.0.2.1')).toBe(status);
      expect(await ask('192.0.2.2')).toBe(what === 'is taken' ? 403 : status);
      expect(await ask('192.0.2.1')).toBe(status);
    },
  );

  test('is not for a client of which the proxy in front says that it does not know it [RFC 7239 6.2; Sluiceway]', async ({
    net,
  }) => {
    const { client, link, origin } = await throughGateway(net, statuses, { trustedProxies: ['127.0.0.1'] });
    for (const [grant, status] of [
      [{ singleUse: true }, 403],
      [{ clientIp: '0.0.0.0/0' }, 403],
      [{}, 200],
    ] as const) {
      expect(origin.total).toBe(0);
      await client.get(link('/200', grant), ['X-Forwarded-For: unknown']);
      expect((await client.readResponse()).head.status).toBe(status);
    }
  });

  test.for([
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff:ffff:ffff:ffff', 200],
    ['2001:db8:0:1::1', '2001:DB8:0:1:0:0:0:1', 200],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', 403],
    ['192.0.2.1', '::ffff:192.0.2.1', 200],
    ['192.0.2.1', '::ffff:c000:201', 200],
    ['192.0.2.1', '192.0.2.2', 403],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', 403],
  ] as const)('that %s has taken gives %s the status %i [RFC 8981; Sluiceway]', async (row, { net }) => {
    const [owner, other, status] = row;
    const { client, link } = await throughGateway(net, statuses, { trustedProxies: ['127.0.0.1'] });
    const target = link('/200', { singleUse: true });
    await client.get(target, [`X-Forwarded-For: ${owner}`]);
    expect((await client.readResponse()).head.status).toBe(200);
    await client.get(target, [`X-Forwarded-For: ${other}`]);
    expect((await client.readResponse()).head.status).toBe(status);
  });
});

/** A file of 100,000 bytes, by parts. */
const parts = respondWith((head) => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(head.get('range') ?? '') ?? [];
  if (first === undefined || last === undefined)
    return head.method === 'HEAD'
      ? 'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n'
      : sized('x'.repeat(100_000));
  return sized(
    'x'.repeat(Number(last) - Number(first) + 1),
    [`Content-Range: bytes ${first}-${last}/100000`],
    'HTTP/1.1 206 Partial Content',
  );
});

describe('a link for a single use counts as used', () => {
  const start = async (net: Network, script: OriginScript = parts) => {
    const { client, link } = await throughGateway(net, script, { trustedProxies: ['127.0.0.1'] });
    const target = link('/file', { singleUse: true });
    return async (address: string, method: string, ...lines: string[]): Promise<number> => {
      const fields = [`X-Forwarded-For: ${address}`, ...lines].map((line) => `${line}\r\n`).join('');
      await client.send(`${method} ${target} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`);
      return (await client.readResponse({ method })).head.status;
    };
  };

  test.for([
    ['not', 'a HEAD', 'HEAD', []],
    ['not', 'the first byte', 'GET', ['Range: bytes=0-0']],
    ['not', 'the last KiB', 'GET', ['Range: bytes=98976-99999']],
    ['not', 'a prefetch', 'GET', ['Sec-Purpose: prefetch;prerender']],
    ['not', 'a prefetch of an old browser', 'GET', ['Purpose: prefetch']],
    ['not', 'a preview of Safari', 'GET', ['X-Purpose: preview']],
    ['', 'more than a KiB', 'GET', ['Range: bytes=0-1024']],
    ['', 'the file', 'GET', []],
  ] as const)('%s by %s [Sluiceway]', async ([not, , method, lines], { net }) => {
    const ask = await start(net);
    await ask('192.0.2.1', method, ...lines);
    expect(await ask('192.0.2.2', 'GET', 'Range: bytes=0-0')).toBe(not === 'not' ? 206 : 403);
  });

  test('by many small parts, whoever asks for them [Sluiceway]', async ({ net }) => {
    const ask = await start(net);
    expect(await ask('192.0.2.1', 'GET', 'Range: bytes=0-599')).toBe(206);
    expect(await ask('192.0.2.2', 'GET', 'Range: bytes=600-1199')).toBe(206);
    expect(await ask('192.0.2.1', 'GET', 'Range: bytes=1200-1799')).toBe(403);
    expect(await ask('192.0.2.2', 'GET')).toBe(200);
  });

  test.for([
    ['an empty file', ''],
    ['a file of one byte', 'x'],
  ])('by %s [Sluiceway]', async ([, content], { net }) => {
    const ask = await start(
      net,
      respondWith(() => sized(content as string)),
    );
    expect(await ask('192.0.2.1', 'GET')).toBe(200);
    expect(await ask('192.0.2.2', 'GET')).toBe(403);
  });
});

describe('a link for one client', () => {
  test.for([
    ['2001:db8:0:1::1', '2001:db8:0:1:2::3', 200],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', 403],
    ['2001:db8:0:1::1/128', '2001:db8:0:1::1', 200],
    ['2001:db8:0:1::1/128', '2001:db8:0:1:2::3', 403],
    ['2001:db8:0:1::/112', '2001:db8:0:1::ffff', 200],
    ['2001:db8:0:1::/112', '2001:db8:0:1::1:0', 403],
    ['192.0.2.1', '::ffff:c000:201', 200],
    ['::ffff:192.0.2.1', '192.0.2.1', 200],
    ['::ffff:192.0.2.1', '192.0.2.2', 403],
    ['192.0.2.1', '192.0.2.2', 403],
  ] as const)(
    '%s gives %s the status %i [RFC 8981; Sluiceway]',
    async ([clientIp, address, status], { net }) => {
      const { client, link } = await throughGateway(net, statuses, { trustedProxies: ['127.0.0.1'] });
      await client.get(link('/200', { clientIp }), [`X-Forwarded-For: ${address}`]);
      expect((await client.readResponse()).head.status).toBe(status);
    },
  );
});

describe('downloads of one client at a time', () => {
  test('are counted for a /64 of IPv6 and for each spelling of an address [RFC 8981; Sluiceway]', async ({
    net,
  }) => {
    const { running, link } = await throughGateway(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
      },
      { limits: { transfersPerClient: 1 }, trustedProxies: ['127.0.0.1'] },
    );
    const start = async (address: string): Promise<number> => {
      const client = await net.client(running);
      await client.get(link('/'), [`X-Forwarded-For: ${address}`]);
      return (await client.readHead()).status;
    };
    for (const [address, status] of [
      ['2001:db8:0:1::1', 200],
      ['2001:db8:0:1::2', 429],
      ['2001:db8:0:1:a:b:c:d', 429],
      ['2001:DB8:0:1:0::1', 429],
      ['2001:db8:0:2::1', 200],
      ['192.0.2.1', 200],
      ['::ffff:192.0.2.1', 429],
      ['::ffff:c000:201', 429],
      ['192.0.2.2', 200],
    ] as const)
      expect([address, await start(address)]).toEqual([address, status]);
  });
});
