import { beforeAll, describe, expect } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import {
  readSeeded,
  sendsSeeded,
  standstill,
  takesSeededLater,
  uploadSeeded,
} from '../support/backpressure.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type ConnectProxyOptions, startConnectProxy } from '../support/connect-proxy.js';
import { isSeeded } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;
const PROTOCOLS = ['http:', 'https:'] as const;
type Protocol = (typeof PROTOCOLS)[number];

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

/** A client, a proxy, the egress proxy and an origin server in line. */
async function line(
  net: Network,
  protocol: Protocol,
  script: OriginScript,
  { egress: egressOptions = {}, ...options }: Partial<ProxyOptions> & { egress?: ConnectProxyOptions } = {},
) {
  const origin = await net.origin(script, protocol === 'https:' ? { tls: certificate } : {});
  const egress = await startConnectProxy(net, egressOptions);
  const running = await net.proxy({
    upstream: {
      url: origin.url,
      tls: { ca: certificate.ca },
      egressProxy: egress.url.replace('//', '//user:hush-hush@'),
    },
    ...options,
  });
  return { egress, origin, running, client: await net.client(running) };
}

/** What comes of a request whose CONNECT is answered like that. */
async function refusedWith(net: Network, answer: string, end: 'keep' | 'end' | 'reset' = 'keep') {
  const errors: SluicewayError[] = [];
  const { egress, origin, running, client } = await line(net, 'https:', respondWith(sized('origin')), {
    egress: {
      refuse: async (connection) => {
        await connection.write(answer);
        if (end !== 'keep') connection[end]();
      },
    },
    onError: ({ error }) => void errors.push(error),
  });
  await client.get('/');
  const response = await client.readResponse();
  await until(() => egress.listener.open === 0, 'the connection to the egress proxy was closed');
  expect(origin.total).toBe(0);
  expect(response.complete).toBe(true);
  return { response, record: await running.record(), error: errors[0] as SluicewayError };
}

describe('an egress proxy that opens no tunnel', () => {
  test.for([
    [407, 502, 'proxy_configuration_error', 'upstream_refused'],
    [403, 502, 'proxy_configuration_error', 'upstream_refused'],
    [405, 502, 'proxy_configuration_error', 'upstream_refused'],
    [302, 502, 'proxy_configuration_error', 'upstream_refused'],
    [101, 502, 'proxy_configuration_error', 'upstream_refused'],
    [500, 502, 'destination_unavailable', 'upstream_refused'],
    [502, 502, 'destination_unavailable', 'upstream_refused'],
    [503, 502, 'destination_unavailable', 'upstream_refused'],
    [504, 504, 'connection_timeout', 'upstream_timeout'],
  ] as const)(
    'but answers %i makes an answer %i with %s, and nothing that it says reaches the client [RFC 9110 9.3.6; RFC 9209 2.3]',
    async ([answered, status, code, outcome], { net }) => {
      const answer = `HTTP/1.1 ${answered} Inside\r\nX-Inside: yes\r\nContent-Length: 6\r\nSet-Cookie: a=inside\r\n\r\ninside`;
      const { response, record, error } = await refusedWith(net, answer);
      expect(response.head.status).toBe(status);
      expect(response.head.raw + response.content.toString()).not.toMatch(/inside/i);
      expect(record).toMatchObject({ outcome, error: code });
      expect(error.retryable).toBe(true);
      expect(error.message).toMatch(`answered ${answered} to CONNECT localhost:`);
    },
  );

  test('never makes its password appear: in no error, no answer and no record [RFC 9110 17.1]', async ({
    net,
  }) => {
    const { response, record, error } = await refusedWith(
      net,
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n',
    );
    const basic = Buffer.from('user:hush-hush').toString('base64');
    const told = [response.head.raw, response.content.toString(), JSON.stringify(record), error.stack];
    for (const text of [...told, JSON.stringify(error)]) {
      expect(text).not.toContain('hush-hush');
      expect(text).not.toContain(basic);
    }
  });

  test.for([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\n\n'],
    ['a field without a colon', 'HTTP/1.1 200 OK\r\nNonsense\r\n\r\n'],
    ['a control character', 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(17_000)}`],
    ['fields without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(200)}\r\n`],
  ])(
    'but answers with %s makes a 502 with http_protocol_error [RFC 9112 2.2]',
    async ([, answer], { net }) => {
      const { response, record } = await refusedWith(net, answer as string);
      expect(response.head.status).toBe(502);
      expect(record).toMatchObject({ outcome: 'upstream_invalid', error: 'http_protocol_error' });
    },
  );

  test.for(
    ['', 'HTTP/1.1 20', 'HTTP/1.1 200 OK\r\nVia: x\r\n'].flatMap((said) => [
      [said, 'end'] as const,
      [said, 'reset'] as const,
    ]),
  )(
    'but closes after %j (%s) makes a 502 with connection_terminated [RFC 9110 15.6.3]',
    async ([said, end], { net }) => {
      const { response, record } = await refusedWith(net, said, end);
      expect(response.head.status).toBe(502);
      expect(record).toMatchObject({ outcome: 'upstream_refused', error: 'connection_terminated' });
    },
  );

  test('because nobody listens makes a 502 with connection_refused [RFC 9110 15.6.3]', async ({ net }) => {
    const { egress, client, running } = await line(net, 'http:', respondWith(sized('origin')));
    await egress.listener.stop();
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({ error: 'connection_refused' });
  });

  test.for([
    ['says nothing at all', ''],
    ['says half a head', 'HTTP/1.1 200 OK\r\n'],
    ['says one interim response', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['opens the tunnel, in which nobody answers the handshake,', 'HTTP/1.1 200 OK\r\n\r\n'],
  ])('but %s makes a 504 after timeouts.connect [RFC 9110 15.6.5]', async ([, said], { net }) => {
    const { egress, client, running } = await line(net, 'https:', respondWith(sized('origin')), {
      egress: { refuse: (connection) => connection.write(said as string) },
      timeouts: { connect: 200 },
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_timeout',
      error: 'connection_timeout',
    });
    await until(() => egress.listener.open === 0, 'the connection to the egress proxy was closed');
  });
});

describe.concurrent('a client that leaves', () => {
  test.for([
    ['CONNECT is answered', 'http:', ''],
    ['CONNECT is answered', 'https:', ''],
    ['the handshake in the tunnel is over', 'https:', 'HTTP/1.1 200 OK\r\n\r\n'],
  ] as const)(
    'before %s (%s) has the connection to the egress proxy closed at once [Go ReverseProxy]',
    async ([, protocol, said], { net }) => {
      const asked = new Gate();
      const { egress, client, running } = await line(net, protocol, respondWith(sized('origin')), {
        egress: {
          refuse: async (connection) => {
            await connection.write(said);
            // Of TLS: the ClientHello, so that the handshake is under way.
            if (said !== '') await connection.readSome();
            asked.open();
          },
        },
        timeouts: { connect: '10m' },
      });
      await client.get('/');
      await asked.opened;
      client.close();
      await egress.listener.connections[0]?.closed;
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted', status: null });
    },
  );
});

describe.for(PROTOCOLS)('through a tunnel to an %s origin server', (protocol) => {
  const SIZE = 300_000;

  test.for(
    (['reset', 'end'] as const).flatMap((how) =>
      [`Content-Length: ${SIZE}\r\n\r\n`, `Transfer-Encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n`].map(
        (framing) => [how, framing] as const,
      ),
    ),
  )(
    'content never ends cleanly where the egress proxy breaks off (%s) in %j [RFC 9112 8]',
    async ([how, framing], { net }) => {
      const cutAt = async (at: number) => {
        const { egress, client, running } = await line(net, protocol, async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 200 OK\r\n${framing}`);
          await connection.writeSeeded('cut', 0, at);
          await connection.readAll();
        });
        await client.get('/');
        const head = await client.readHead();
        const reading = client.readContent(head);
        await until(() => running.proxy.active === 1 && client.bytesRead >= at, 'the first part had come');
        egress.tunnels[0]?.client[how]();
        const { content, complete } = await reading;
        expect(complete, `after ${at}`).toBe(false);
        expect(isSeeded('cut', 0, content)).toBe(true);
        expect((await running.record()).outcome).toBe('upstream_truncated');
      };
      await Promise.all([0, 100_000, SIZE - 1].map(cutAt));
    },
  );

  test('content up to the end of the connection never ends cleanly where the tunnel is reset [RFC 9112 8]', async ({
    net,
  }) => {
    const resetAfter = async (at: number) => {
      const { egress, client, running } = await line(net, protocol, async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\n\r\n');
        await connection.writeSeeded('cut', 0, at);
        await connection.readAll();
      });
      await client.get('/');
      const head = await client.readHead();
      const reading = client.readContent(head);
      await until(() => client.bytesRead >= at, 'the first part had come');
      egress.tunnels[0]?.client.reset();
      expect((await reading).complete, `after ${at}`).toBe(false);
      expect((await running.record()).outcome).toBe('upstream_truncated');
    };
    await Promise.all([0, 16 * 1024, SIZE].map(resetAfter));
  });

  test('content up to the end of the connection is whole where that is announced [RFC 9112 6.3]', async ({
    net,
  }) => {
    const { client } = await line(net, protocol, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\n\r\n');
      await connection.writeSeeded('whole', 0, SIZE);
      connection.end();
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, contentLength: SIZE });
    expect(isSeeded('whole', 0, response.content)).toBe(true);
  });

  test('a client that does not read holds the egress proxy back, and gets everything later [nginx]', async ({
    net,
  }) => {
    const size = 64 * MiB;
    const { egress, client } = await line(net, protocol, sendsSeeded(size));
    client.pause();
    await client.get('/');
    expect(await standstill(() => egress.tunnels[0]?.client.tcp.bytesWritten ?? 0)).toBeLessThan(size / 2);
    client.resume();
    expect(await readSeeded(client)).toBe(size);
  });

  test('an origin server that does not read holds the client of an upload back [nginx]', async ({ net }) => {
    const size = 128 * MiB;
    const goOn = new Gate();
    const { client } = await line(net, protocol, takesSeededLater(size, goOn));
    const count = uploadSeeded(client, size);
    expect(await standstill(() => count.sent)).toBeLessThan(size / 2);
    goOn.open();
    expect((await client.readResponse()).content.toString()).toBe(String(size));
  });

  test('a kept connection that the egress proxy has closed is replaced by a new tunnel [RFC 9112 9.3.1]', async ({
    net,
  }) => {
    const { egress, client } = await line(net, protocol, respondWith(sized('ok')));
    for (let i = 1; i <= 3; i += 1) {
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('ok');
      expect(egress.requests).toHaveLength(i);
      egress.tunnels[i - 1]?.client[i % 2 === 0 ? 'reset' : 'end']();
    }
  });

  test('many small chunks arrive as soon as they are sent [RFC 9112 7.1]', async ({ net }) => {
    const steps = Array.from({ length: 20 }, () => new Gate());
    const { client } = await line(net, protocol, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (const [i, step] of steps.entries()) {
        await connection.write(toChunk(`event ${i};`));
        await step.opened;
      }
      await connection.write('0\r\n\r\n');
    });
    await client.get('/');
    await client.readHead();
    for (const [i, step] of steps.entries()) {
      await client.readThrough(`event ${i};`);
      step.open();
    }
    await client.readThrough('0\r\n\r\n');
  });
});
