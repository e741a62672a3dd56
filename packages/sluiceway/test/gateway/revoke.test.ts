import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { describe, expect } from 'vitest';
import { formatKeys, generateKey } from '../../src/gateway.js';
import { OptionsError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const file = respondWith(() => sized('the file'));

describe('a link that is revoked', () => {
  test('breaks off its running downloads and no others, and gets 410 from then on [Sluiceway]', async ({
    net,
  }) => {
    const { gateway, running, link, records } = await throughGateway(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
      await connection.closed;
    });
    const [taken, kept] = [link('/a'), link('/b')];
    const clients = [];
    for (const each of [taken, taken, kept]) {
      const client = await net.client(running);
      await client.get(each);
      expect((await client.readHead()).status).toBe(200);
      clients.push(client);
    }
    expect(gateway.revoke(taken)).toBe(2);
    await until(() => records.length === 2, 'two downloads had ended');
    expect(records).toMatchObject([
      { outcome: 'rejected', error: 'link_revoked' },
      { outcome: 'rejected', error: 'link_revoked' },
    ]);
    for (const client of clients.slice(0, 2))
      expect((await client.readUntilClose()).bytes.length).toBeLessThan(10);
    expect(gateway.active).toBe(1);
    const client = await net.client(running);
    await client.get(taken);
    expect((await client.readResponse()).head.status).toBe(410);
    expect(() => gateway.verify(taken, { clientAddress: null })).toThrow(/revoked/);
    expect(gateway.revoke(taken)).toBe(0);
  });

  test('ends a request that still waits for the origin server with 410 [Sluiceway]', async ({ net }) => {
    const { gateway, client, link, origin } = await throughGateway(net, async (connection) => {
      await connection.readHead();
      await connection.closed;
    });
    const taken = link('/a');
    await client.get(taken);
    await until(() => origin.total === 1, 'the origin server was asked');
    expect(gateway.revoke(taken)).toBe(1);
    expect((await client.readResponse()).head.status).toBe(410);
  });

  test('by the id that its running download has is revoked like the link itself [Sluiceway]', async ({
    net,
  }) => {
    const { gateway, client, link, running } = await throughGateway(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
      await connection.closed;
    });
    const [taken, idle] = [link('/a'), link('/b')];
    await client.get(taken);
    const head = await client.readHead();
    const [transfer] = gateway.transfers();
    const { id } = gateway.verify(taken, { clientAddress: null });
    expect(transfer?.link).toBe(id);
    expect(gateway.revokeId(id)).toBe(1);
    expect((await client.readContent(head)).complete).toBe(false);
    expect(gateway.revokeId(gateway.verify(idle, { clientAddress: null }).id)).toBe(0);
    for (const each of [taken, idle]) {
      const later = await net.client(running);
      await later.get(each);
      expect((await later.readResponse()).head.status).toBe(410);
    }
    for (const wrong of ['', 'a', `${id}=`, taken]) expect(() => gateway.revokeId(wrong)).toThrow(TypeError);
  });

  test('stays revoked, and used, at a gateway that inherits from the one that it replaces [Sluiceway]', async ({
    net,
  }) => {
    const options = { trustedProxies: ['127.0.0.1'] };
    const { gateway, client, link, records } = await throughGateway(net, file, options);
    const [taken, once] = [link('/a'), link('/b', { singleUse: true })];
    gateway.revoke(taken);
    await client.get(once, ['X-Forwarded-For: 192.0.2.1']);
    expect((await client.readResponse()).head.status).toBe(200);
    await until(() => records.length === 1, 'the download had ended');
    const next = await startGateway(net, options);
    next.gateway.inherit(gateway);
    const statusOf = async (each: string, address: string): Promise<number> => {
      const other = await net.client(next.running);
      await other.get(each, [`X-Forwarded-For: ${address}`]);
      return (await other.readResponse()).head.status;
    };
    expect(await statusOf(taken, '192.0.2.1')).toBe(410);
    expect(await statusOf(once, '192.0.2.2')).toBe(403);
    expect(await statusOf(once, '192.0.2.1')).toBe(200);
    expect(await statusOf(link('/c', { singleUse: true }), '192.0.2.2')).toBe(200);
  });

  test('has to be one of the gateway [Sluiceway]', async ({ net }) => {
    const { gateway } = await startGateway(net);
    expect(() => gateway.revoke('/download?link=x')).toThrow(/link/);
  });
});

describe('keys in a file', () => {
  const keyFile = (net: { cleanup(stop: () => unknown): void }): string => {
    const folder = mkdtempSync(join(tmpdir(), 'sluiceway-keys-'));
    net.cleanup(() => rmSync(folder, { recursive: true }));
    return join(folder, 'keys.json');
  };

  test('are read again on request, and stay where they cannot be read [Sluiceway]', async ({ net }) => {
    const keys = keyFile(net);
    const [old, fresh] = [generateKey(), generateKey()];
    writeFileSync(keys, formatKeys([old]), { mode: 0o600 });
    const { gateway, running, link } = await throughGateway(net, file, { keys: { file: keys } });
    const client = await net.client(running);
    const statusOf = async (each: string): Promise<number> => {
      await client.get(each);
      return (await client.readResponse()).head.status;
    };
    const before = link('/');
    writeFileSync(keys, '{');
    expect(() => gateway.reloadKeys()).toThrow(OptionsError);
    expect(await statusOf(before)).toBe(200);
    writeFileSync(keys, formatKeys([fresh, old]));
    gateway.reloadKeys();
    expect(gateway.verify(link('/'), { clientAddress: null }).key).toBe(fresh.id);
    expect(await statusOf(before)).toBe(200);
    writeFileSync(keys, formatKeys([fresh]));
    gateway.reloadKeys();
    expect(await statusOf(before)).toBe(403);
    expect(await statusOf(link('/'))).toBe(200);
  });

  test('are read again when the file is another [Sluiceway]', async ({ net }) => {
    const keys = keyFile(net);
    const fresh = generateKey();
    writeFileSync(keys, formatKeys([generateKey()]), { mode: 0o600 });
    const { gateway } = await startGateway(net, { keys: { file: keys } });
    const grant = { url: 'http://127.0.0.1/', expires: '1h' } as const;
    writeFileSync(`${keys}.new`, formatKeys([fresh]), { mode: 0o600 });
    renameSync(`${keys}.new`, keys);
    await until(() => {
      // The keys may be read again between the two calls: the link has the old one then.
      const link = gateway.sign(grant);
      try {
        return gateway.verify(link, { clientAddress: null }).key === fresh.id;
      } catch {
        return false;
      }
    }, 'new links had the new key');
  });

  test('stay where the file system fails [Sluiceway]', async ({ net }) => {
    const keys = keyFile(net);
    writeFileSync(keys, formatKeys([generateKey()]), { mode: 0o600 });
    const { gateway } = await startGateway(net, { keys: { file: keys } });
    const link = gateway.sign({ url: 'http://127.0.0.1/', expires: '1h' });
    rmSync(keys);
    // A link to itself cannot be looked at by anyone.
    symlinkSync(keys, keys);
    expect(() => gateway.reloadKeys()).toThrow(OptionsError);
    expect(gateway.verify(link, { clientAddress: null }).grant.url).toBe('http://127.0.0.1/');
  });
});

describe('a gateway with a transform', () => {
  test('sends what it makes of the file, and breaks off where it fails [Sluiceway]', async ({ net }) => {
    const { client, link, records } = await throughGateway(
      net,
      respondWith(({ target }) => sized(target === '/bad' ? 'a virus' : 'a file')),
      {
        transform: {
          response: {
            changesContent: true,
            create: () => [
              new Transform({
                transform(chunk: Buffer, _encoding, done) {
                  const text = chunk.toString();
                  if (text.includes('virus')) done(new Error('found'));
                  else done(null, text.toUpperCase());
                },
              }),
            ],
          },
        },
      },
    );
    await client.get(link('/good'));
    expect((await client.readResponse()).content.toString()).toBe('A FILE');
    await client.get(link('/bad'));
    const { complete } = await client.readResponse();
    expect(complete).toBe(false);
    await expect.poll(() => records.map(({ outcome }) => outcome)).toEqual(['completed', 'internal']);
  });
});

describe('parameters that others append to a link', () => {
  const options = { ignoredParameters: ['fbclid', 'utm_*'] };

  test.for(['encrypted', 'signed'] as const)(
    'are ignored where they are listed, and refused otherwise: %s [Sluiceway]',
    async (form, { net }) => {
      const { client, link, running, gateway } = await throughGateway(net, file, { ...options, form });
      const plain = link('/');
      for (const [more, status] of [
        ['', 200],
        ['&fbclid=x', 200],
        ['&utm_source=a&utm_medium=b&fbclid', 200],
        ['&other=x', 403],
        ['&fbclidx=1', 403],
        ['&%66bclid=1', 403],
        ['&', 403],
      ] as const) {
        await client.get(plain + more);
        expect([more, (await client.readResponse()).head.status]).toEqual([more, status]);
      }
      const once = link('/', { singleUse: true });
      await client.get(`${once}&fbclid=1`);
      expect((await client.readResponse()).head.status).toBe(200);
      expect(gateway.verify(`${once}&fbclid=3`, { clientAddress: null }).id).toBe(
        gateway.verify(once, { clientAddress: null }).id,
      );
      expect(gateway.revoke(new URL(`${once}&utm_id=4`, 'http://files.test'))).toBe(0);
      expect(() => gateway.revoke(`${once}&other=1`)).toThrow(/not valid/);
      const other = await net.client(running);
      await other.get(`${once}&fbclid=2`);
      expect((await other.readResponse()).head.status).toBe(410);
    },
  );

  test('are refused by default [Sluiceway]', async ({ net }) => {
    const { client, link } = await throughGateway(net, file);
    await client.get(`${link('/')}&fbclid=x`);
    expect((await client.readResponse()).head.status).toBe(403);
  });

  test.for(['link', 'sig*', 'u*', '*', 'a b', '', 'x=*'])(
    'must not be %j [Sluiceway]',
    async (name, { net }) => {
      await expect(startGateway(net, { ignoredParameters: [name] })).rejects.toThrow(
        /ignoredParameters\[0\]/,
      );
    },
  );
});

describe('a URL that a gateway does not fetch', () => {
  test.for([
    ['http://localhost./', 403],
    ['http://localhost/', 403],
    ['http://a.localhost/', 403],
    ['http://LOCALHOST.:80/', 403],
    ['https://localhost./', 403],
    ['http://unix:/var/run/docker.sock', 403],
    ['http://unix./var/run/docker.sock:/info', 403],
    ['unix:/var/run/docker.sock', 400],
    ['unix:///var/run/docker.sock', 400],
    ['http+unix://%2Fvar%2Frun%2Fdocker.sock/info', 400],
    ['http://%2Fvar%2Frun%2Fdocker.sock/info', 400],
    ['http:///var/run/docker.sock', 400],
    ['/var/run/docker.sock', 400],
  ] as const)('%s gets %i [RFC 6761 6.3; Sluiceway]', async ([url, status], { net }) => {
    const { running } = await startGateway(net, {
      unsigned: true,
      guard: {
        allowHosts: ['*'],
        resolver: { resolve: () => Promise.reject(new Error('not to be looked up')) },
      },
    });
    const client = await net.client(running);
    await client.get(`/download?url=${encodeURIComponent(url)}`);
    expect((await client.readResponse()).head.status).toBe(status);
  });
});
