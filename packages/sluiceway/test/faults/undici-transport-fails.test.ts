import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { undiciTransport } from '../../src/undici.js';
import {
  readSeeded,
  sendsSeeded,
  standstill,
  takesSeededLater,
  uploadSeeded,
} from '../support/backpressure.js';
import { isSeeded } from '../support/content.js';
import { collect, contentOf, failureOf, HeldSink, ManualSource, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { nowhere } from '../support/nowhere.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { type Line, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;
const SIZE = 300_000;

const throughUndici = (
  net: Network,
  script: OriginScript,
  options: Omit<ProxyOptions, 'upstream'> & { agent?: ConstructorParameters<typeof Agent>[0] } = {},
): Promise<Line> => {
  const { agent, ...others } = options;
  const transport = undiciTransport(new Agent(agent), { closesDispatcher: true });
  return through(net, script, { transport, ...others });
};

describe('content through undici that breaks off', () => {
  test.for(
    (['end', 'reset', 'destroy'] as const).flatMap((how) =>
      [
        `Content-Length: ${SIZE}\r\n\r\n`,
        `Connection: close\r\nContent-Length: ${SIZE}\r\n\r\n`,
        `Transfer-Encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n`,
        `Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n`,
      ].map((framing) => [how, framing] as const),
    ),
  )('(%s) in %j never ends cleanly [RFC 9112 8]', async ([how, framing], { net }) => {
    const cutAt = async (at: number) => {
      const { client, running } = await throughUndici(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}`);
        await connection.writeSeeded('cut', 0, at);
        connection[how]();
      });
      await client.get('/');
      const response = await client.readResponse();
      // A reset may overtake the head, and then there is no response to relay.
      if (response.head.status === 502) return;
      expect(response.complete, `after ${at}`).toBe(false);
      expect(isSeeded('cut', 0, response.content)).toBe(true);
      expect((await running.record()).outcome).toBe('upstream_truncated');
    };
    await Promise.all([0, 100_000, SIZE - 1].map(cutAt));
  });

  test.for(['1.0', '1.1'])(
    'up to the end of an HTTP/%s connection that is reset never ends cleanly [RFC 9112 8]',
    async (version, { net }) => {
      const resetAfter = async (at: number) => {
        const arrived = new Gate();
        const { client, running } = await throughUndici(net, async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/${version} 200 OK\r\n\r\n`);
          await connection.writeSeeded('cut', 0, at);
          await arrived.opened;
          connection.reset();
        });
        await client.get('/');
        const head = await client.readHead();
        const reading = client.readContent(head);
        await until(() => client.bytesRead >= at, 'the first part had come');
        arrived.open();
        expect((await reading).complete, `after ${at}`).toBe(false);
        expect((await running.record()).outcome).toBe('upstream_truncated');
      };
      await Promise.all([1, 16 * 1024, SIZE].map(resetAfter));
    },
  );

  test('in chunks that are malformed never ends cleanly [RFC 9112 7.1]', async ({ net }) => {
    const { client, running } = await throughUndici(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n');
      await connection.readAll();
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_invalid',
      error: 'http_response_transfer_coding',
    });
  });
});

describe('a request through undici is answered', () => {
  const answerTo = async (
    net: Network,
    script: OriginScript,
    options: Parameters<typeof throughUndici>[2] = {},
  ) => {
    const { client, running } = await throughUndici(net, script, options);
    await client.get('/');
    const { head } = await client.readResponse();
    const { outcome, error } = await running.record();
    return [head.status, error, outcome];
  };

  test.for([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'http_protocol_error', 'upstream_invalid'],
    ['a status below 100', 'HTTP/1.1 099 Odd\r\n\r\n', 'http_protocol_error', 'upstream_invalid'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
      'http_protocol_error',
      'upstream_invalid',
    ],
    [
      'a coding that nobody knows',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
      'http_response_transfer_coding',
      'upstream_invalid',
    ],
    [
      'a head of 20 KB',
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      'http_response_header_section_size',
      'upstream_invalid',
    ],
    [
      'a flood of interim responses',
      'HTTP/1.1 102 Processing\r\n\r\n'.repeat(5000),
      'http_protocol_error',
      'upstream_invalid',
    ],
    [
      'another protocol unasked',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
      'connection_terminated',
      'upstream_refused',
    ],
  ] as const)(
    '502 where the response is %s [RFC 9110 15.6.3]',
    async ([, answer, code, outcome], { net }) => {
      const script: OriginScript = async (connection) => {
        await connection.readHead();
        await connection.write(answer);
        await connection.readAll();
      };
      expect(await answerTo(net, script)).toEqual([502, code, outcome]);
    },
  );

  test('502 where the connection ends before the head [RFC 9110 15.6.3]', async ({ net }) => {
    for (const how of ['end', 'reset'] as const) {
      const script: OriginScript = async (connection) => {
        await connection.readHead();
        connection[how]();
      };
      expect(await answerTo(net, script)).toEqual([502, 'connection_terminated', 'upstream_refused']);
    }
  });

  test('502 where nobody listens, or the name does not exist [RFC 9110 15.6.3]', async ({ net }) => {
    const origin = await net.origin(() => {});
    await origin.stop();
    for (const [upstream, code] of [
      [origin.url, 'connection_refused'],
      [`http://${nowhere}`, 'dns_error'],
    ] as const) {
      const transport = undiciTransport(new Agent(), { closesDispatcher: true });
      const running = await net.proxy({ upstream, transport });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(502);
      expect(await running.record()).toMatchObject({ error: code, outcome: 'upstream_refused' });
    }
  });

  test('504 where no head comes in the time of the proxy, not of undici [RFC 9110 15.6.5]', async ({
    net,
  }) => {
    const script: OriginScript = async (connection) => {
      await connection.readAll();
    };
    const timeouts = { responseHead: 150 };
    const agent = { headersTimeout: 1 };
    expect(await answerTo(net, script, { timeouts, agent })).toEqual([
      504,
      'http_response_timeout',
      'upstream_timeout',
    ]);
  });

  test('504 where a secure connection does not come to stand [RFC 9110 15.6.5]', async ({ net }) => {
    const silent = await net.origin(() => {});
    const transport = undiciTransport(new Agent({ connect: { timeout: 200 } }), { closesDispatcher: true });
    const running = await net.proxy({ upstream: silent.url.replace('http:', 'https:'), transport });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ error: 'connection_timeout' });
  });
});

test('content that pauses for longer than the bodyTimeout of undici arrives: the proxy rules [undici]', async ({
  net,
}) => {
  const goOn = new Gate();
  const { client } = await throughUndici(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
      await goOn.opened;
      await connection.write('rest');
    },
    { agent: { bodyTimeout: 1 } },
  );
  await client.get('/');
  await client.readThrough('half');
  // Undici looks at its timeouts twice a second.
  setTimeout(() => goOn.open(), 1200);
  expect((await client.readExactly(4)).toString()).toBe('rest');
});

describe.concurrent('through undici, a client that leaves', () => {
  test.for(['before the head', 'in the midst of content', 'in the midst of an upload'] as const)(
    '%s has the connection to the origin server closed at once [Go ReverseProxy]',
    async (when, { net }) => {
      const arrived = new Gate();
      const { client, origin, running } = await throughUndici(net, async (connection) => {
        await connection.readHead();
        if (when === 'in the midst of content')
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\nhalf`);
        arrived.open();
        await connection.readAll();
      });
      if (when === 'in the midst of an upload')
        await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf');
      else await client.get('/');
      if (when === 'in the midst of content') await client.readThrough('half');
      await arrived.opened;
      client.close();
      await origin.connections[0]?.closed;
      expect((await running.record()).outcome).toBe('client_aborted');
    },
  );

  test('while its request waits for a connection takes it along: nothing of it is sent [Caddy]', async ({
    net,
  }) => {
    const targets: string[] = [];
    const arrived = new Gate();
    const goOn = new Gate();
    const { client, running } = await throughUndici(
      net,
      async (connection) => {
        for (;;) {
          targets.push((await connection.readHead()).target);
          arrived.open();
          await goOn.opened;
          await connection.write(sized('ok'));
        }
      },
      { agent: { connections: 1 } },
    );
    await client.get('/first');
    await arrived.opened;
    const waiting = await net.client(running);
    await waiting.send('PUT /waiting HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nhalf');
    await until(() => running.proxy.active === 2, 'the second request had come');
    waiting.close();
    await until(() => running.proxy.active === 1, 'the second transfer was over');
    goOn.open();
    await client.readResponse();
    await client.get('/last');
    await client.readResponse();
    expect(targets).toEqual(['/first', '/last']);
  });
});

describe('backpressure reaches', () => {
  test('the origin server through undici where a client does not read [undici; nginx]', async ({ net }) => {
    const size = 64 * MiB;
    const { client, origin } = await throughUndici(net, sendsSeeded(size));
    client.pause();
    await client.get('/');
    expect(await standstill(() => origin.connections[0]?.tcp.bytesWritten ?? 0)).toBeLessThan(size / 2);
    client.resume();
    expect(await readSeeded(client)).toBe(size);
  });

  test('the client through undici where an origin server does not read [undici; nginx]', async ({ net }) => {
    const size = 64 * MiB;
    const goOn = new Gate();
    const { client } = await throughUndici(net, takesSeededLater(size, goOn));
    const count = uploadSeeded(client, size);
    expect(await standstill(() => count.sent)).toBeLessThan(size / 2);
    goOn.open();
    expect((await client.readResponse()).content.toString()).toBe(String(size));
  });
});

/** The handler as undici 7 declares it. */
type Handler = Required<Parameters<Agent['dispatch']>[1]>;

/** A dispatcher that does with each handler what a test says, as undici 7 and 8 or as undici 6 would. */
class FakeDispatcher {
  readonly requests: Record<string, unknown>[] = [];
  readonly #serve: (handler: Handler) => void;

  constructor(serve: (handler: Handler) => void) {
    this.#serve = serve;
  }

  dispatch(options: object, handler: object): boolean {
    this.requests.push({ ...options });
    this.#serve(handler as Handler);
    return true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** A controller that notes what it is asked for. */
class FakeController {
  readonly calls: string[] = [];
  aborted = false;
  reason: Error | null = null;
  paused = false;
  rawHeaders: Buffer[] | null = null;

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
  }

  pause(): void {
    this.paused = true;
    this.calls.push('pause');
  }

  resume(): void {
    this.paused = false;
    this.calls.push('resume');
  }
}

const request = toRequest('http://origin.test:80');

describe('a dispatcher that does not keep to the length', () => {
  test.for([
    ['less', 'ab', 'http_response_incomplete'],
    ['more', 'abcd', 'http_protocol_error'],
  ])('and delivers %s fails the content [RFC 9112 8]', async ([, content, code], { net }) => {
    const controller = new FakeController();
    const transport = undiciTransport(
      new FakeDispatcher((handler) => {
        handler.onRequestStart(controller, {});
        handler.onResponseStart(controller, 200, { 'content-length': '3' }, 'OK');
        handler.onResponseData(controller, Buffer.from(content as string));
        handler.onResponseEnd(controller, {});
      }),
    );
    net.cleanup(() => transport.destroy());
    expect(await failureOf(transport.send(request))).toMatchObject({ code });
  });
});

test('a dispatcher that goes on in spite of a pause loses nothing, and is paused once enough is lent [undici]', async () => {
  const controller = new FakeController();
  let handler: Handler | undefined;
  const transport = undiciTransport(
    new FakeDispatcher((given) => {
      handler = given;
      handler.onRequestStart(controller, {});
      handler.onResponseStart(controller, 200, {}, 'OK');
      handler.onResponseData(controller, Buffer.alloc(200_000, 1));
    }),
  );
  const { content } = await transport.send(request).response;
  expect(controller.calls).toEqual(['pause']);
  const sink = new HeldSink();
  content.start(sink);
  await Promise.resolve();
  expect(controller.calls).toEqual(['pause', 'resume']);
  handler?.onResponseData(controller, Buffer.alloc(100_000, 2));
  expect(controller.calls).toEqual(['pause', 'resume', 'pause']);
  handler?.onResponseData(controller, Buffer.alloc(100_000, 3));
  sink.release();
  await Promise.resolve();
  expect(controller.calls.at(-1)).toBe('resume');
  handler?.onResponseEnd(controller, {});
  expect(sink.received.length).toBe(400_000);
  expect(sink.events.at(-1)).toBe('end');
});

describe('errors of undici', () => {
  const errorOf = async (error: Error, phase: 'waiting' | 'sent' | 'answered'): Promise<SluicewayError> => {
    const controller = new FakeController();
    const transport = undiciTransport(
      new FakeDispatcher((handler) => {
        if (phase !== 'waiting') handler.onRequestStart(controller, {});
        if (phase === 'answered') handler.onResponseStart(controller, 200, {}, 'OK');
        setImmediate(() => handler.onResponseError(controller, error));
      }),
    );
    return (await failureOf(transport.send(request))) as SluicewayError;
  };
  const withCode = (code: string): Error => Object.assign(new Error(`it was ${code}`), { code });

  test.for([
    ['UND_ERR_CONNECT_TIMEOUT', 'waiting', 'connection_timeout'],
    ['ECONNREFUSED', 'waiting', 'connection_refused'],
    ['ENOTFOUND', 'waiting', 'dns_error'],
    ['CERT_HAS_EXPIRED', 'waiting', 'tls_certificate_error'],
    ['UND_ERR_PRX_TLS', 'waiting', 'tls_protocol_error'],
    ['UND_ERR_CLOSED', 'waiting', 'shutdown'],
    ['UND_ERR_DESTROYED', 'waiting', 'shutdown'],
    ['UND_ERR_INVALID_ARG', 'waiting', 'proxy_configuration_error'],
    ['UND_ERR_NOT_SUPPORTED', 'waiting', 'proxy_configuration_error'],
    ['UND_ERR_ABORTED', 'waiting', 'destination_unavailable'],
    ['UND_ERR_HEADERS_TIMEOUT', 'sent', 'http_response_timeout'],
    ['UND_ERR_HEADERS_OVERFLOW', 'sent', 'http_response_header_section_size'],
    ['UND_ERR_SOCKET', 'sent', 'connection_terminated'],
    ['ECONNRESET', 'sent', 'connection_terminated'],
    ['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'sent', 'http_request_error'],
    ['UND_ERR_BODY_TIMEOUT', 'answered', 'connection_read_timeout'],
    ['UND_ERR_SOCKET', 'answered', 'http_response_incomplete'],
    ['ECONNRESET', 'answered', 'http_response_incomplete'],
    ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'answered', 'http_response_incomplete'],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'answered', 'http_response_incomplete'],
    ['ANYTHING_ELSE', 'answered', 'http_response_incomplete'],
  ] as const)(
    '%s while %s becomes %s, with its cause kept [RFC 9209 2.3]',
    async ([code, phase, expected]) => {
      const cause = withCode(code);
      const error = await errorOf(cause, phase);
      expect(error).toBeInstanceOf(SluicewayError);
      expect(error).toMatchObject({ code: expected, cause, retryable: phase === 'waiting' });
    },
  );

  test('that are ours already stay as they are [Node]', async () => {
    const ours = new SluicewayError('client_aborted', 'The client left');
    expect(await errorOf(ours, 'sent')).toBe(ours);
  });

  test('that are thrown at once reject the response [Node]', async () => {
    const transport = undiciTransport(
      new FakeDispatcher(() => {
        throw withCode('UND_ERR_INVALID_ARG');
      }),
    );
    expect(await failureOf(transport.send(request))).toMatchObject({ code: 'proxy_configuration_error' });
  });
});

describe('undici 6, which calls handlers by other names', () => {
  interface OldHandler {
    onConnect(abort: (reason: Error) => void): void;
    onHeaders(status: number, headers: Buffer[], resume: () => void, statusText: string): boolean;
    onData(chunk: Buffer): boolean;
    onComplete(trailers: Buffer[]): void;
    onError(error: Error): void;
  }
  const bytesOf = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text, 'latin1'));
  const old = (serve: (handler: OldHandler) => void) =>
    new FakeDispatcher((handler) => serve(handler as unknown as OldHandler));

  test('is understood: interim responses, repeated fields, content, trailers [undici]', async () => {
    const interim: string[] = [];
    const transport = undiciTransport(
      old((handler) => {
        handler.onConnect(() => {});
        expect(handler.onHeaders(103, bytesOf('Link', '</a>'), () => {}, 'Early Hints')).toBe(true);
        handler.onHeaders(200, bytesOf('X-A', '1', 'x-a', '\xe9'), () => {}, 'Fine');
        handler.onData(Buffer.from('content'));
        handler.onComplete(bytesOf('X-T', '2'));
      }),
    );
    const response = await transport.send({
      ...request,
      onInterim: ({ status, headers }) => void interim.push(`${status} ${headers.raw.join(': ')}`),
    }).response;
    expect(interim).toEqual(['103 Link: </a>']);
    expect([response.status, response.statusText, ...response.headers.raw]).toEqual([
      200,
      'Fine',
      'X-A',
      '1',
      'x-a',
      '\xe9',
    ]);
    const { content, trailers } = await collect(response.content);
    expect([content.toString(), trailers?.raw]).toEqual(['content', ['X-T', '2']]);
  });

  test('is paused by what its calls return, and resumed by the function that it gave [undici]', async () => {
    let handler: OldHandler | undefined;
    let resumed = 0;
    const transport = undiciTransport(
      old((given) => {
        handler = given;
        handler.onConnect(() => {});
        expect(handler.onHeaders(200, [], () => void (resumed += 1), '')).toBe(false);
      }),
    );
    const { content } = await transport.send(request).response;
    const sink = new HeldSink();
    content.start(sink);
    await Promise.resolve();
    expect(resumed).toBe(1);
    expect(handler?.onData(Buffer.alloc(200_000))).toBe(true);
    expect(handler?.onData(Buffer.alloc(200_000))).toBe(false);
    sink.release();
    await Promise.resolve();
    expect(resumed).toBe(2);
    handler?.onError(Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' }));
    expect(sink.error).toMatchObject({ code: 'http_response_incomplete' });
  });

  test('is aborted by the function that it gave, or as soon as it gives one [undici]', async () => {
    const reasons: Error[] = [];
    let handler: OldHandler | undefined;
    const transport = undiciTransport(
      old((given) => {
        handler = given;
      }),
    );
    const error = new SluicewayError('client_aborted', 'The client left');
    const exchange = transport.send(request);
    exchange.abort(error);
    await expect(exchange.response).rejects.toBe(error);
    handler?.onConnect((reason) => void reasons.push(reason));
    expect(reasons).toEqual([error]);

    const running = transport.send(request);
    handler?.onConnect((reason) => void reasons.push(reason));
    running.abort(error);
    await expect(running.response).rejects.toBe(error);
    expect(reasons).toEqual([error, error]);
  });
});

describe('request content', () => {
  test('is not taken before a connection is there, and given up with the request [undici]', async () => {
    const source = new ManualSource();
    const transport = undiciTransport(new FakeDispatcher(() => {}));
    const exchange = transport.send({ ...request, method: 'PUT', content: { source, length: 10 } });
    const error = new SluicewayError('client_aborted', 'The client left');
    exchange.abort(error);
    await expect(exchange.response).rejects.toBe(error);
    await until(() => source.cancelled > 0, 'the source was cancelled');
    expect(source.sink).toBeNull();
  });

  test('that fails fails the request with the same error [Go ReverseProxy]', async ({ net }) => {
    const origin = await net.origin(async (connection) => void (await connection.readAll()));
    const agent = new Agent();
    net.cleanup(() => agent.destroy());
    const source = new ManualSource();
    const transport = undiciTransport(agent);
    const exchange = transport.send(
      toRequest(origin.url, { method: 'PUT', content: { source, length: 10 } }),
    );
    await until(() => source.sink !== null, 'the content was asked for');
    source.lend('half');
    const error = new SluicewayError('client_aborted', 'The client left during its request');
    source.sink?.fail(error);
    await expect(exchange.response).rejects.toBe(error);
    await until(() => origin.open === 0, 'the connection was closed');
  });

  test('is copied: the lender may overwrite its bytes at once [undici]', async ({ net }) => {
    const origin = await net.origin(respondWith((_, content) => sized(content)));
    const agent = new Agent();
    net.cleanup(() => agent.destroy());
    const transport = undiciTransport(agent);
    const lent = Buffer.alloc(100_000, 'a');
    const content = contentOf([], lent.length);
    content.source.start = (sink) => {
      sink.chunk(lent, () => void lent.fill('b'));
      sink.end();
    };
    const { content: echoed } = await transport.send(toRequest(origin.url, { method: 'PUT', content }))
      .response;
    expect((await collect(echoed)).content.equals(Buffer.alloc(100_000, 'a'))).toBe(true);
  });
});
