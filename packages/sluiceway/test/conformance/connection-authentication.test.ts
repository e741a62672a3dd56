import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import type { ProxyOptions, RunningProxy } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';

const DENIED = 'HTTP/1.1 401 Unauthorized';
const CHALLENGES = ['WWW-Authenticate: Negotiate', 'WWW-Authenticate: NTLM'];

/** Authenticates connections as IIS does: two steps on one connection, which belongs to the user from then on. */
const authenticating =
  (challenges: readonly string[] = CHALLENGES): OriginScript =>
  async (connection) => {
    let isStarted = false;
    let user: string | undefined;
    for (;;) {
      const { head } = await connection.readRequest();
      const [, scheme = '', step, name] =
        /^(\S+) (start|finish)(?:-(\w+))?$/.exec(head.get('authorization') ?? '') ?? [];
      if (step === 'start') {
        isStarted = true;
        user = undefined;
        await connection.write(sized('go on', [`WWW-Authenticate: ${scheme} token`], DENIED));
        continue;
      }
      if (step === 'finish' && isStarted) user = name;
      if (head.has('upgrade') && user !== undefined) {
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
        );
        await connection.write(`for ${user}`);
        connection.end();
        return;
      }
      await connection.write(
        user === undefined ? sized('who are you', challenges, DENIED) : sized(`for ${user}`),
      );
    }
  };

type Ask = (credentials?: string, method?: string) => Promise<string>;

/** Sends requests on the client's one connection, and gives what each of them gets. */
const asking =
  (client: RawClient, path = '/', more: readonly string[] = []): Ask =>
  async (credentials, method = 'GET') => {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: test',
      ...(credentials === undefined ? [] : [`Authorization: ${credentials}`]),
      ...(method === 'POST' ? ['Content-Length: 4'] : []),
      ...more,
    ];
    await client.send(`${lines.join('\r\n')}\r\n\r\n${method === 'POST' ? 'data' : ''}`);
    const { head, content } = await client.readResponse();
    return `${head.status} ${String(content)}`;
  };

async function logIn(ask: Ask, scheme: string, name: string, method?: string): Promise<string> {
  await ask(undefined, method);
  await ask(`${scheme} start`, method);
  return ask(`${scheme} finish-${name}`, method);
}

async function start(
  net: Network,
  options: Omit<ProxyOptions, 'upstream'> & { connections?: object } = {},
  script: OriginScript = authenticating(),
): Promise<{ origin: RawOrigin; running: RunningProxy; ask(): Promise<Ask> }> {
  const { connections = {}, ...others } = options;
  const origin = await net.origin(script);
  const running = await net.proxy({ ...others, upstream: { url: origin.url, connections } });
  return { origin, running, ask: async () => asking(await net.client(running)) };
}

describe('a connection to the origin server that a client has authenticated', () => {
  test.for([
    ['NTLM', 'GET'],
    ['ntlm', 'POST'],
    ['Negotiate', 'GET'],
    ['NEGOTIATE', 'POST'],
    ['Kerberos', 'GET'],
  ] as const)(
    'with %s (%s) carries that client and nobody else [HAProxy; RFC 4559 6]',
    async ([scheme, method], { net }) => {
      const { origin, ask } = await start(net);
      const alice = await ask();
      expect(await logIn(alice, scheme, 'alice', method)).toBe('200 for alice');
      const stranger = await ask();
      for (const each of ['GET', 'POST']) expect(await stranger(undefined, each)).toBe('401 who are you');
      // It needs no credentials again, whatever others did meanwhile.
      for (const each of ['GET', 'POST']) expect(await alice(undefined, each)).toBe('200 for alice');
      expect(origin.total).toBe(2);
    },
  );

  test('carries both steps of each handshake where two overlap [HAProxy]', async ({ net }) => {
    const { ask } = await start(net);
    const [alice, bob] = [await ask(), await ask()];
    await alice();
    await bob();
    await alice('NTLM start');
    await bob('NTLM start');
    expect(await alice('NTLM finish-alice')).toBe('200 for alice');
    expect(await bob('NTLM finish-bob')).toBe('200 for bob');
    expect(await alice()).toBe('200 for alice');
  });

  test('is closed when the connection of its client closes [HAProxy; nginx]', async ({ net }) => {
    const { origin, running } = await start(net);
    const client = await net.client(running);
    expect(await logIn(asking(client), 'NTLM', 'alice')).toBe('200 for alice');
    expect(origin.open).toBe(1);
    client.close();
    await until(() => origin.open === 0, 'the connection was closed');
  });

  test('is closed when it has been idle for the idle timeout [nginx]', async ({ net }) => {
    const { origin, ask } = await start(net, { connections: { idleTimeout: 80 } });
    expect(await logIn(await ask(), 'NTLM', 'alice')).toBe('200 for alice');
    await until(() => origin.open === 0, 'the idle connection was closed');
  });

  test('gives its room to others where no further one is allowed [Sluiceway]', async ({ net }) => {
    const { origin, ask } = await start(net, { connections: { max: 1 } });
    const alice = await ask();
    expect(await logIn(alice, 'NTLM', 'alice')).toBe('200 for alice');
    const stranger = await ask();
    expect(await stranger()).toBe('401 who are you');
    await until(() => origin.open === 1, 'the first connection was closed');
  });

  test('is not found by a stranger over HTTP/2, and its own HTTP/2 connection goes on with it [HAProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(authenticating());
    const running = await net.proxy({ upstream: origin.url }, { http2: 'h2c' });
    const alice = await net.http2(running);
    const asAlice = async (authorization?: string): Promise<string> => {
      const { status, content } = await alice.get('/', authorization === undefined ? {} : { authorization });
      return `${status} ${String(content)}`;
    };
    expect(await logIn(asAlice, 'Negotiate', 'alice')).toBe('200 for alice');
    const stranger = await net.http2(running);
    expect(await stranger.get('/')).toMatchObject({ status: 401 });
    expect(await asAlice()).toBe('200 for alice');
  });

  test('carries an upgrade of its client, and no other request after it [HAProxy]', async ({ net }) => {
    const { running, ask } = await start(net);
    const client = await net.client(running);
    expect(await logIn(asking(client), 'NTLM', 'alice')).toBe('200 for alice');
    expect(await (await ask())()).toBe('401 who are you');
    await client.get('/', ['Connection: Upgrade', 'Upgrade: echo']);
    expect(await client.readHead()).toMatchObject({ status: 101 });
    expect(String((await client.readUntilClose()).bytes)).toBe('for alice');
    expect(await (await ask())()).toBe('401 who are you');
  });

  test('belongs to one client of a trusted proxy, which sends requests of several on one connection [Sluiceway]', async ({
    net,
  }) => {
    const { running } = await start(net, { trustedProxies: ['127.0.0.1'] });
    const client = await net.client(running);
    const of = (address: string): Ask => asking(client, '/', [`X-Forwarded-For: ${address}`]);
    expect(await logIn(of('192.0.2.1'), 'NTLM', 'alice')).toBe('200 for alice');
    expect(await of('192.0.2.2')()).toBe('401 who are you');
    expect(await of('192.0.2.1')()).toBe('200 for alice');
    expect(await of('unknown')()).toBe('401 who are you');
    // Nobody knows whose connection it would be.
    expect(await logIn(of('unknown'), 'NTLM', 'carol')).toBe('401 who are you');
    expect(await of('unknown')()).toBe('401 who are you');
  });
});

describe('what binds a connection to its client', () => {
  test.for([
    ['a challenge', ['WWW-Authenticate: NTLM']],
    ['a challenge in another case', ['www-authenticate: nEgOtIaTe']],
    ['a challenge with a token', ['WWW-Authenticate: Negotiate oYG1MIGyoAMKAQE=']],
    ['the last of several challenges on one line', ['WWW-Authenticate: Basic realm="a, b", Bearer, NTLM']],
    ['the last of several lines', ['WWW-Authenticate: Basic realm="x"', 'WWW-Authenticate: NTLM']],
    ['a challenge of a proxy behind us', ['Proxy-Authenticate: Negotiate']],
    ['the word of IIS that the connection stays authenticated', ['Persistent-Auth: true']],
  ] as const)('%s in a response [HAProxy; RFC 9110 11.6.1]', async ([, lines], { net }) => {
    const { origin, ask } = await start(net, {}, async (connection) => {
      for (;;) {
        await connection.readRequest();
        await connection.write(sized(`${connection.index}`, [...lines]));
      }
    });
    const first = await ask();
    expect(await first()).toBe('200 0');
    expect(await (await ask())()).toBe('200 1');
    expect(await first()).toBe('200 0');
    expect(origin.total).toBe(2);
  });

  test('credentials in a request, whatever the response says [HAProxy]', async ({ net }) => {
    const { ask } = await start(net, {}, async (connection) => {
      for (;;) {
        await connection.readRequest();
        await connection.write(sized(`${connection.index}`));
      }
    });
    const first = await ask();
    expect(await first('Negotiate YIIG')).toBe('200 0');
    expect(await (await ask())()).toBe('200 1');
    expect(await first()).toBe('200 0');
  });

  test.for(['Basic YTpi', 'Bearer negotiate-no', 'Digest username="x"'])(
    'no credentials that belong to the request: %s [RFC 9110 11.1]',
    async (credentials, { net }) => {
      const { origin, ask } = await start(net, {}, async (connection) => {
        for (;;) {
          await connection.readRequest();
          await connection.write(sized('x', ['WWW-Authenticate: Basic realm="x"', 'Persistent-Auth: false']));
        }
      });
      for (let i = 0; i < 3; i++) await (await ask())(credentials);
      expect(origin.total).toBe(1);
    },
  );
});

describe('a client that authenticates its connection', () => {
  test('has a session of HTTP/2 with the origin server for itself [Sluiceway]', async ({ net }) => {
    const { running, origin } = await throughHttp2(net, (stream, headers) => {
      const session = stream.session as { user?: string } | undefined;
      const [, name] = /^NTLM (\w+)$/.exec(headers.authorization ?? '') ?? [];
      if (session !== undefined && name !== undefined) session.user = name;
      stream.respond({ ':status': 200 });
      stream.end(session?.user ?? 'nobody');
    });
    const client = await net.client(running);
    const alice = asking(client);
    const stranger = asking(await net.client(running));
    expect(await stranger()).toBe('200 nobody');
    expect(await alice('NTLM alice')).toBe('200 alice');
    expect(await stranger()).toBe('200 nobody');
    expect(await alice()).toBe('200 alice');
    expect(origin.sessions).toHaveLength(2);
    client.close();
    await until(() => origin.sessions[1]?.destroyed === true, 'the session was closed');
  });

  test('gets HTTP/1.1 where HTTP/2 is negotiated with the origin server [RFC 9113 9.1.1; curl]', async ({
    net,
  }) => {
    const { cert, key, ca } = await loopbackCertificate();
    const origin = await net.origin(authenticating(), { tls: { cert, key, ca, alpn: ['http/1.1'] } });
    const running = await net.proxy({ upstream: { url: origin.url, protocol: 'auto', tls: { ca } } });
    const alice = asking(await net.client(running));
    expect(await logIn(alice, 'NTLM', 'alice')).toBe('200 for alice');
    expect(await asking(await net.client(running))()).toBe('401 who are you');
    expect(await alice()).toBe('200 for alice');
  });

  test('shares no connection through streamFrom and a gateway, although they send no credentials [Sluiceway]', async ({
    net,
  }) => {
    const script: OriginScript = async (connection) => {
      for (;;) {
        await connection.readRequest();
        await connection.write(sized(`${connection.index}`, ['Persistent-Auth: true']));
      }
    };
    const origin = await net.origin(script);
    const options = { profile: 'thirdParty', addresses: 'any' } as const;
    const first = await streaming(net, origin.url, options);
    const second = await streaming(net, origin.url, options);
    expect(await asking(first.client)()).toBe('200 0');
    expect(await asking(second.client)()).toBe('200 1');
    expect(await asking(first.client)()).toBe('200 0');

    const line = await throughGateway(net, script);
    const ask = asking(line.client, line.link('/'));
    expect(await ask()).toBe('200 0');
    expect(await asking(await net.client(line.running), line.link('/'))()).toBe('200 1');
    expect(await ask()).toBe('200 0');
  });
});
