import type { IncomingMessage, RequestListener } from 'node:http';
import { describe, expect } from 'vitest';
import { createProxy, type ProxyOptions, type TransferRecord } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { type RawOrigin, respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';

/** What stands before the proxy; it calls `next` when it is done, and need not. */
type Middleware = (request: IncomingMessage, next: () => void) => void;

const SIZE = 200_000;
const content = seededBytes('consumed', 0, SIZE);
const FRAMINGS = {
  sized: [`Content-Length: ${SIZE}`, content],
  chunked: ['Transfer-Encoding: chunked', Buffer.concat([toChunk(content), Buffer.from('0\r\n\r\n')])],
} as const;

interface Line {
  client: RawClient;
  origin: RawOrigin;
  /** Request content that the origin server has taken for whole. */
  received: Buffer[];
  records: TransferRecord[];
}

/** A server with one middleware before the proxy, a client of it, and an origin server behind it. */
async function behind(
  net: Network,
  middleware: Middleware,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<Line> {
  const received: Buffer[] = [];
  const records: TransferRecord[] = [];
  const origin = await net.origin(
    respondWith((_, bytes) => {
      received.push(bytes);
      return sized('thanks');
    }),
  );
  const proxy = createProxy({
    upstream: origin.url,
    ...options,
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  const listener: RequestListener = (request, response) =>
    middleware(request, () => void proxy.handle(request, response));
  const running = await startServer(listener);
  running.server.requestTimeout = 0;
  net.cleanup(async () => {
    proxy.destroy();
    await running.stop();
  });
  return { client: await net.client(running), origin, received, records };
}

function upload(client: RawClient, framing: keyof typeof FRAMINGS): void {
  const [field, bytes] = FRAMINGS[framing];
  void client.send(`POST / HTTP/1.1\r\nHost: test\r\n${field}\r\n\r\n`);
  void client.send(bytes);
}

/** As a parser does: all content is taken, and put where handlers look for it. */
const parsesBody: Middleware = (request, next) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => void parts.push(part));
  request.on('end', () => {
    Object.assign(request, { body: Buffer.concat(parts) });
    next();
  });
};

const CONSUMERS: Record<string, [middleware: Middleware, cause: RegExp]> = {
  'a parser has read it': [parsesBody, /was read before/],
  'a parser waits for its last byte': [
    (request, next) => {
      let length = 0;
      request.on('data', (part: Buffer) => {
        length += part.length;
        if (length === SIZE) next();
      });
    },
    /was read before/,
  ],
  'its beginning has been read': [
    (request, next) =>
      request.once('data', () => {
        request.pause();
        next();
      }),
    /was read before/,
  ],
  'its beginning has been read and put back': [
    (request, next) =>
      request.once('readable', () => {
        request.unshift(request.read(10) as Buffer);
        next();
      }),
    /was read before/,
  ],
  'it has been drained': [
    (request, next) => {
      request.resume();
      request.once('end', next);
    },
    /was read before/,
  ],
  'somebody waits for it with a readable listener': [
    (request, next) => {
      request.on('readable', () => {});
      next();
    },
    /is being read/,
  ],
  'somebody iterates over it': [
    (request, next) => {
      void (async () => {
        try {
          for await (const _ of request) break;
        } catch {
          // The connection is gone before anything has come.
        }
      })();
      next();
    },
    /is being read/,
  ],
  'somebody has left an iteration over it': [
    (request, next) => {
      void (async () => {
        for await (const _ of request) break;
        next();
      })();
    },
    /was destroyed before/,
  ],
  'somebody takes its data as it comes': [
    (request, next) => {
      request.on('data', () => {});
      next();
    },
    /is being read/,
  ],
  'somebody has it decoded as text': [
    (request, next) => {
      request.setEncoding('utf8');
      next();
    },
    /decoded as text/,
  ],
};

describe('request content that was consumed before the proxy got it gets 500 at once, and nothing of it is sent on:', () => {
  for (const framing of ['sized', 'chunked'] as const) {
    test.for(Object.entries(CONSUMERS).map(([title, consumer]) => [title, ...consumer] as const))(
      `${framing}, %s [Node; http-proxy]`,
      async ([, middleware, cause], { net }) => {
        const errors: string[] = [];
        const { client, origin, records } = await behind(net, middleware, {
          onError: ({ error }) => void errors.push(error.message),
        });
        upload(client, framing);
        const response = await client.readResponse();
        expect(response.head.status).toBe(500);
        expect(response.head.get('proxy-status')).toContain('proxy_configuration_error');
        expect(response.complete).toBe(true);
        await until(() => records.length === 1, 'the transfer had ended');
        expect(records[0]).toMatchObject({
          outcome: 'internal',
          error: 'proxy_configuration_error',
          bytesUp: 0,
        });
        expect(errors).toEqual([expect.stringMatching(cause)]);
        expect(origin.total).toBe(0);
      },
    );
  }
});

describe('request content that something has looked at passes whole', () => {
  const WATCHERS: Record<string, Middleware> = {
    'where a parser left it alone and has set request.body': (request, next) => {
      Object.assign(request, { body: {} });
      next();
    },
    'where somebody has paused it': (request, next) => {
      request.pause();
      setImmediate(next);
    },
    'where somebody has seen that it is readable': (request, next) => void request.once('readable', next),
    'where somebody will see its data as well': (request, next) => {
      request.pause();
      request.on('data', () => {});
      next();
    },
    'where a listener to readable is gone again': (request, next) => {
      const listener = (): void => {};
      request.on('readable', listener);
      setImmediate(() => {
        request.off('readable', listener);
        next();
      });
    },
  };

  for (const framing of ['sized', 'chunked'] as const) {
    test.for(Object.entries(WATCHERS))(`%s, ${framing} [Node]`, async ([, middleware], { net }) => {
      const { client, received } = await behind(net, middleware);
      upload(client, framing);
      expect((await client.readResponse()).head.status).toBe(200);
      expect(received).toHaveLength(1);
      expect(received[0]).toHaveLength(SIZE);
      expect(isSeeded('consumed', 0, received[0] as Buffer)).toBe(true);
    });
  }
});

describe('request content that a hook reads', () => {
  const readAll = async (request: IncomingMessage): Promise<void> => {
    for await (const _ of request);
  };
  const readSome = (request: IncomingMessage): Promise<void> =>
    new Promise((resolve) => {
      request.once('data', () => {
        request.pause();
        resolve();
      });
    });
  const READERS = { wholly: readAll, 'in part': readSome };

  for (const framing of ['sized', 'chunked'] as const) {
    test.for(Object.entries(READERS))(
      `%s is never sent on without what was read: ${framing}, the client gets 500 [Node]`,
      async ([, read], { net }) => {
        const { client, origin, received, records } = await behind(net, (_, next) => next(), {
          onRequest: ({ request: { raw } }) => read(raw as IncomingMessage),
        });
        upload(client, framing);
        const response = await client.readResponse();
        expect(response.head.status).toBe(500);
        await until(() => records.length === 1, 'the transfer had ended');
        expect(records[0]).toMatchObject({
          outcome: 'internal',
          error: 'proxy_configuration_error',
          bytesUp: 0,
        });
        await Promise.all(origin.connections.map((connection) => connection.closed));
        expect(received).toEqual([]);
      },
    );
  }
});

test('a request that is destroyed before the proxy gets it ends at once, and the origin server is not asked [Node]', async ({
  net,
}) => {
  const { client, origin, records } = await behind(net, (request, next) => {
    request.on('error', () => {});
    request.destroy(new Error('not wanted'));
    next();
  });
  upload(client, 'sized');
  await client.closed;
  await until(() => records.length === 1, 'the transfer had ended');
  expect(records[0]).toMatchObject({ outcome: 'internal', error: 'proxy_configuration_error' });
  expect(origin.total).toBe(0);
});

test('a request whose client left in a middleware is the leaving of the client, not a mistake of the set-up [Node]', async ({
  net,
}) => {
  const { client, origin, records } = await behind(net, (request, next) => {
    request.on('error', () => {});
    request.socket.once('close', () => setImmediate(next));
  });
  void client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
  client.close();
  await until(() => records.length === 1, 'the transfer had ended');
  expect(records[0]).toMatchObject({ outcome: 'client_aborted', error: 'client_aborted' });
  expect(origin.total).toBe(0);
});
