import { describe, expect } from 'vitest';
import { createUpstreamGroup } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { type GroupServer, startServers } from '../support/group-servers.js';
import type { RawClient } from '../support/raw-client.js';
import { sized } from '../support/through.js';

interface Answer {
  name: string;
  cookies: string[];
}

async function ask(client: RawClient, lines: readonly string[] = []): Promise<Answer> {
  await client.get('/', lines);
  const { head, content } = await client.readResponse();
  return { name: content.toString(), cookies: head.getAll('set-cookie') };
}

const pairOf = ({ cookies }: Answer): string => cookies.at(-1)?.split(';')[0] ?? '';

const urlsOf = (servers: readonly GroupServer[]): string[] => servers.map(({ url }) => url);

const SECRET = 'a secret that is long enough';

describe('a group with a sticky cookie', () => {
  test('keeps a client at the server of its first answer, and sets the cookie once [Caddy; HAProxy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b', 'c'], {
      a: () => sized('a', ['Set-Cookie: own=1']),
      b: () => sized('b', ['Set-Cookie: own=1']),
      c: () => sized('c', ['Set-Cookie: own=1']),
    });
    const upstream = { servers: urlsOf(servers), sticky: 'lb' };
    const client = await net.client(await net.proxy({ upstream }));
    const first = await ask(client);
    expect(first.cookies).toHaveLength(2);
    expect(first.cookies[0]).toBe('own=1');
    // The value is opaque: it contains no part of the address.
    expect(first.cookies[1]).toMatch(/^lb=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax$/);
    for (let index = 0; index < 6; index += 1)
      expect(await ask(client, [`Cookie: other=1; ${pairOf(first)}`])).toEqual({
        name: first.name,
        cookies: ['own=1'],
      });
    // Without the cookie, the servers take turns.
    const names = [await ask(client), await ask(client), await ask(client)].map(({ name }) => name);
    expect(new Set(names).size).toBe(3);
  });

  test('gives a client whose server is gone or ejected another one, with a new cookie [Caddy]', async ({
    net,
  }) => {
    let isBroken = false;
    const servers = await startServers(net, ['a', 'b'], {
      a: () => (isBroken ? sized('', [], 'HTTP/1.1 503 Busy') : sized('a')),
    });
    const group = createUpstreamGroup({
      servers: urlsOf(servers),
      balance: 'ordered',
      sticky: { cookie: 'lb', secret: SECRET },
      passive: { failures: 1, ejectFor: '1h' },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    const first = await ask(client);
    expect(first.name).toBe('a');
    isBroken = true;
    const second = await ask(client, [`Cookie: ${pairOf(first)}`]);
    expect([second.name, second.cookies.length]).toEqual(['b', 1]);
    expect(pairOf(second)).not.toBe(pairOf(first));
    isBroken = false;
    // `ordered` alone would choose the first server again, once that works.
    group.setServers(urlsOf(servers).slice(1));
    group.setServers(urlsOf(servers));
    expect((await ask(client)).name).toBe('a');
    expect(await ask(client, [`Cookie: ${pairOf(second)}`])).toEqual({ name: 'b', cookies: [] });
    group.setServers(urlsOf(servers).slice(0, 1));
    const third = await ask(client, [`Cookie: ${pairOf(second)}`]);
    expect([third.name, pairOf(third)]).toEqual(['a', pairOf(first)]);
  });

  test('takes a value that was not made with its secret for none [Caddy]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const make = async (secret?: string) => {
      const sticky = { cookie: 'lb', ...(secret !== undefined && { secret }) };
      return net.client(
        await net.proxy({ upstream: { servers: urlsOf(servers), balance: 'ordered', sticky } }),
      );
    };
    const [one, same, other, random] = [
      await make(SECRET),
      await make(SECRET),
      await make(`${SECRET}2`),
      await make(),
    ];
    const first = await ask(one);
    const lines = [`Cookie: ${pairOf(first)}`];
    expect((await ask(same, lines)).cookies).toEqual([]);
    for (const client of [other, random]) {
      const answer = await ask(client, lines);
      expect(answer.cookies).toHaveLength(1);
      expect(pairOf(answer)).not.toBe(pairOf(first));
    }
    for (const value of ['', 'a', `${pairOf(first).slice(3)}x`, '../..', '__proto__'])
      expect(pairOf(await ask(one, [`Cookie: lb=${value}`]))).toBe(pairOf(first));
  });

  test('sets Secure for https clients, and the attributes that the options name [Caddy; RFC 6265 4.1.2]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a']);
    const trustedProxies = ['127.0.0.1'];
    const sticky = {
      cookie: 'lb',
      maxAge: '1h',
      path: '/files',
      domain: 'example.com',
      sameSite: 'none',
    } as const;
    const client = await net.client(
      await net.proxy({ upstream: { servers: urlsOf(servers), sticky }, trustedProxies }),
    );
    const secure = await ask(client, ['X-Forwarded-Proto: https', 'X-Forwarded-For: 192.0.2.1']);
    const attributes = 'Path=/files; Domain=example.com; Max-Age=3600; HttpOnly';
    expect(secure.cookies[0]).toMatch(/^lb=[\w-]{22}; /);
    expect(secure.cookies[0]?.slice(27)).toBe(`${attributes}; Secure; SameSite=None`);
    expect((await ask(client)).cookies[0]?.slice(27)).toBe(attributes);
  });

  test('refuses names and secrets that cannot work [Sluiceway]', () => {
    const make = (sticky: NonNullable<Parameters<typeof createUpstreamGroup>[0]['sticky']>) => () =>
      createUpstreamGroup({ servers: ['http://a.test'], sticky });
    expect(make('a b')).toThrow(/sticky must be a token/);
    expect(make({ secret: 'short' })).toThrow(/sticky\.secret must have at least 16 characters/);
    expect(make({ path: '/;x' })).toThrow(/sticky\.path must begin with/);
    expect(make({ domain: 'a;b' })).toThrow(/sticky\.domain must be a domain/);
  });
});
