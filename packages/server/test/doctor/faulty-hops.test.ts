import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { listen, runDoctor, settingsOf, startEchoOrigin } from './start-chain.js';

interface Hop {
  /** May change the request, or answer it by itself and return true. */
  onRequest?(request: IncomingMessage, response: ServerResponse): boolean;
  /** How many bytes of request content are passed on. */
  requestBytes?: number;
  /** Passes the response on. By default, unchanged. */
  relay?(incoming: IncomingMessage, response: ServerResponse): void;
}

/** A proxy with one fault. */
async function startHop(net: Network, originPort: number, hop: Hop): Promise<string> {
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    if (hop.onRequest?.(request, response) === true) return;
    const { method, headers, url } = request;
    const onward = sendRequest({
      port: originPort,
      host: '127.0.0.1',
      method,
      path: url,
      headers,
      agent: false,
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (incoming) => {
      incoming.on('error', () => response.destroy());
      if (hop.relay !== undefined) hop.relay(incoming, response);
      else pass(incoming, response);
    });
    if (hop.requestBytes === undefined) request.pipe(onward);
    else truncate(request, onward, hop.requestBytes);
  });
  const port = await listen(net, server);
  return `http://127.0.0.1:${port}/`;
}

function pass(incoming: IncomingMessage, response: ServerResponse): void {
  response.writeHead(incoming.statusCode ?? 502, incoming.rawHeaders);
  incoming.pipe(response);
}

function truncate(request: IncomingMessage, onward: NodeJS.WritableStream, limit: number): void {
  let left = limit;
  request.on('data', (chunk: Buffer) => {
    if (left > 0) onward.write(chunk.subarray(0, left));
    left -= chunk.length;
  });
  request.on('end', () => onward.end());
}

/** Runs one test of the doctor against the hop. */
async function examine(net: Network, hop: Hop, ...only: string[]) {
  const url = await startHop(net, await startEchoOrigin(net), hop);
  return runDoctor(net, url, '--quick', '--silence', '1s', ...only.flatMap((each) => ['--only', each]));
}

describe('doctor', () => {
  test('names Next.js if uploads are truncated at 10,485,760 bytes and look whole [Next.js]', async ({
    net,
  }) => {
    const limited: Hop = {
      requestBytes: 10 * 1024 * 1024,
      onRequest: (request) => {
        delete request.headers['content-length'];
        if (request.method === 'POST') request.headers['transfer-encoding'] = 'chunked';
        return false;
      },
    };
    const { report, code } = await examine(net, limited, 'large-upload');
    expect(report.findings.map(({ id, evidence }) => [id, evidence['bytes']])).toEqual([
      ['upload-truncated', 10_485_760],
    ]);
    expect(settingsOf(report)['upload-truncated']).toContain('proxyClientMaxBodySize');
    expect(code).toBe(1);
  });

  test.for([
    ['looks whole', true],
    ['is visible', false],
  ] as const)(
    'tells at which byte a download is cut, if the cut %s [Sluiceway]',
    async ([, isHidden], { net }) => {
      const cutAt = 10 * 1024 * 1024;
      const cutting: Hop = {
        relay: (incoming, response) => {
          const { 'content-length': length, ...fields } = incoming.headers;
          response.writeHead(
            incoming.statusCode ?? 502,
            isHidden ? fields : { ...fields, 'content-length': length },
          );
          let left = cutAt;
          incoming.on('data', (chunk: Buffer) => {
            if (left > 0) response.write(chunk.subarray(0, left));
            left -= chunk.length;
            if (left > 0) return;
            incoming.destroy();
            if (isHidden) response.end();
            else response.write('', () => response.destroy());
          });
          incoming.on('end', () => response.end());
        },
      };
      const { report } = await examine(net, cutting, 'large-download');
      expect(report.findings.map(({ id, severity }) => [id, severity])).toEqual([['download-cut', 'error']]);
      expect(report.findings[0]?.evidence).toMatchObject({ bytes: cutAt, looksWhole: isHidden });
    },
  );

  test('a download that is cut once, and whole when it is tried again, is no finding [Sluiceway]', async ({
    net,
  }) => {
    let cuts = 1;
    const cutting: Hop = {
      relay: (incoming, response) => {
        pass(incoming, response);
        if (Number(incoming.headers['content-length']) < 1_000_000 || cuts === 0) return;
        cuts -= 1;
        incoming.once('data', () => response.destroy());
      },
    };
    const { report, code } = await examine(net, cutting, 'large-download');
    expect(cuts).toBe(0);
    expect(report.findings).toEqual([]);
    expect(report.passed).toEqual(['large-download']);
    expect(code).toBe(0);
  });

  test('a download that is cut every second time is a finding [Sluiceway]', async ({ net }) => {
    let downloads = 0;
    const cutting: Hop = {
      relay: (incoming, response) => {
        pass(incoming, response);
        if (Number(incoming.headers['content-length']) < 1_000_000) return;
        downloads += 1;
        if (downloads % 2 === 1) incoming.once('data', () => response.destroy());
      },
    };
    const { ids } = await examine(net, cutting, 'large-download');
    expect(ids).toEqual(['download-cut']);
    expect(downloads).toBe(3);
  });

  test('the echo origin is found behind a chain that fails once [RFC 9110 15.6.3]', async ({ net }) => {
    let requests = 0;
    const failing: Hop = {
      onRequest: (_request, response) => {
        requests += 1;
        if (requests > 1) return false;
        response.writeHead(502).end();
        return true;
      },
    };
    const { report } = await examine(net, failing, 'ranges');
    expect(report.origin).toBe('echo');
    expect(report.passed).toEqual(['ranges']);
  });

  test('finds the byte from which content is changed [Sluiceway]', async ({ net }) => {
    let at = 0;
    const changing: Hop = {
      relay: (incoming, response) => {
        response.writeHead(incoming.statusCode ?? 502, incoming.rawHeaders);
        at = 0;
        incoming.on('data', (chunk: Buffer) => {
          const copy = Buffer.from(chunk);
          if (at <= 5_000_000 && 5_000_000 < at + copy.length)
            copy[5_000_000 - at] = ~(copy[5_000_000 - at] ?? 0);
          at += copy.length;
          if (!response.write(copy)) incoming.pause();
        });
        response.on('drain', () => incoming.resume());
        incoming.on('end', () => response.end());
      },
    };
    const { report } = await examine(net, changing, 'large-download');
    expect(report.findings.map(({ id }) => id)).toEqual(['content-changed']);
    const { offset } = report.findings[0]?.evidence ?? {};
    // Content is compared chunk by chunk.
    expect(Number(offset)).toBeGreaterThan(4_500_000);
    expect(Number(offset)).toBeLessThanOrEqual(5_000_000);
  });

  test('finds a chain that ends broken responses as if they were whole [RFC 9112 8]', async ({ net }) => {
    const completing: Hop = {
      relay: (incoming, response) => {
        const { 'content-length': _, ...fields } = incoming.headers;
        response.writeHead(incoming.statusCode ?? 502, fields);
        incoming.removeAllListeners('error');
        incoming.on('error', () => response.end());
        incoming.on('data', (chunk) => response.write(chunk));
        incoming.on('end', () => response.end());
      },
    };
    const { report } = await examine(net, completing, 'broken-downloads');
    expect(report.findings.map(({ id }) => id)).toEqual(['response-completed']);
  });

  test('finds a chain that sends a POST again [RFC 9110 9.2.2]', async ({ net }) => {
    const originPort = await startEchoOrigin(net);
    const again = (request: IncomingMessage, response: ServerResponse, attempts: number): void => {
      const { method, url, headers } = request;
      const onward = sendRequest({
        port: originPort,
        host: '127.0.0.1',
        method,
        path: url,
        headers,
        agent: false,
      });
      onward.on('error', () => {
        if (attempts > 1) again(request, response, attempts - 1);
        else response.writeHead(502).end();
      });
      onward.on('response', (incoming) => pass(incoming, response));
      onward.end(method === 'GET' ? undefined : 'hello');
    };
    const url = await startHop(net, originPort, {
      onRequest: (request, response) => {
        request.resume();
        again(request, response, 3);
        return true;
      },
    });
    const { report } = await runDoctor(net, url, '--quick', '--only', 'repeated-requests');
    expect(report.findings.map(({ id, evidence }) => [id, evidence['requests']])).toEqual([
      ['post-repeated', 3],
      ['put-repeated', 3],
    ]);
  });

  test('measures a limit of uploads to the byte [RFC 9110 15.5.14]', async ({ net }) => {
    const limiting: Hop = {
      onRequest: (request, response) => {
        if (Number(request.headers['content-length'] ?? 0) <= 4_500_000) return false;
        request.resume();
        response.writeHead(413, { Connection: 'close' }).end();
        return true;
      },
    };
    const { report } = await examine(net, limiting, 'large-upload');
    expect(report.findings.map(({ id, evidence }) => [id, evidence['limit'], evidence['status']])).toEqual([
      ['upload-limit', 4_500_000, 413],
    ]);
  });

  test('finds ranges, conditions, HEAD and fields that are lost [RFC 9110 13.1; RFC 9110 14]', async ({
    net,
  }) => {
    const losing: Hop = {
      onRequest: (request) => {
        for (const name of ['range', 'if-range', 'if-none-match', 'idempotency-key'])
          delete request.headers[name];
        if (request.method === 'HEAD') request.method = 'GET';
        return false;
      },
      relay: (incoming, response) => {
        const { 'content-disposition': _, etag: __, ...fields } = incoming.headers;
        response.writeHead(incoming.statusCode ?? 502, fields);
        incoming.pipe(response);
      },
    };
    const { ids } = await examine(net, losing, 'ranges', 'fields', 'head-requests');
    expect(ids.toSorted()).toEqual([
      'head-as-get',
      'if-range-lost',
      'not-modified-lost',
      'range-lost',
      'request-fields-lost',
      'response-fields-lost',
      'validator-lost',
    ]);
  });

  test('an upload that a proxy gives up with 502 once, and then passes on, is no limit [Squid]', async ({
    net,
  }) => {
    let posts = 0;
    const report = await examine(
      net,
      {
        onRequest: ({ method }, response) => {
          if (method !== 'POST') return false;
          posts += 1;
          if (posts === 1) response.writeHead(502).end('the server behind has closed');
          return posts === 1;
        },
      },
      'large-upload',
    );
    expect(report.ids).toEqual([]);
    expect(posts).toBeGreaterThan(1);
  });

  test('an upload that a proxy gives up with 502 while the origin does not read is a finding [Squid]', async ({
    net,
  }) => {
    const givingUp: Hop = {
      onRequest: ({ method }, response) => {
        if (method === 'POST') response.writeHead(502).end('the server behind has closed');
        return method === 'POST';
      },
    };
    const { report } = await examine(net, givingUp, 'outrun-uploads');
    expect(report.findings.map(({ id, evidence }) => [id, evidence['status']])).toEqual([
      ['upload-outrun', 502],
    ]);
    expect(settingsOf(report)['upload-outrun']).toContain('HAProxy: timeout server');
  });

  test('with --hop, a finding names the hop that is nearest to the origin and shows it [Sluiceway]', async ({
    net,
  }) => {
    const originPort = await startEchoOrigin(net);
    const portOf = (url: string): number => Number(new URL(url).port);
    const inner = await startHop(net, originPort, {});
    const middle = await startHop(net, portOf(inner), {
      onRequest: (request) => {
        delete request.headers.range;
        return false;
      },
    });
    const outer = await startHop(net, portOf(middle), {});
    const hops = ['--hop', middle, '--hop', inner];
    const { report } = await runDoctor(net, outer, ...hops, '--quick', '--only', 'ranges');
    expect(report.findings.map(({ id, hop }) => [id, hop.url])).toEqual([
      ['range-lost', middle],
      ['if-range-lost', middle],
    ]);
    expect(report.hops.map(({ url }) => url)).toEqual([outer, middle, inner]);
  });

  test('with --hop, a hop with a longer timeout behind is not named for a shorter one [Sluiceway]', async ({
    net,
  }) => {
    const portOf = (url: string): number => Number(new URL(url).port);
    const closeAfter = (ms: number): Hop => ({
      onRequest: (_request, response) => {
        const timer = setTimeout(() => response.destroy(), ms);
        response.once('close', () => clearTimeout(timer));
        return false;
      },
    });
    const inner = await startHop(net, await startEchoOrigin(net), closeAfter(30_000));
    const outer = await startHop(net, portOf(inner), closeAfter(1000));
    const flags = ['--hop', inner, '--quick', '--silence', '40s', '--only', 'head-silence'];
    const { report } = await runDoctor(net, outer, ...flags);
    expect(report.findings.map(({ id, hop }) => [id, hop.url])).toEqual([['head-silence', outer]]);
  });

  test('with --hop, a hop with a higher limit behind is not named for a lower one [Sluiceway]', async ({
    net,
  }) => {
    const portOf = (url: string): number => Number(new URL(url).port);
    const refuseFrom = (bytes: number): Hop => ({
      onRequest: (request, response) => {
        const isRefused = Number(request.headers['content-length'] ?? 0) > bytes;
        if (isRefused) response.writeHead(413, { Connection: 'close' }).end('too large');
        return isRefused;
      },
    });
    const inner = await startHop(net, await startEchoOrigin(net), refuseFrom(4 * 1024 * 1024));
    const outer = await startHop(net, portOf(inner), refuseFrom(1024 * 1024));
    const { report } = await runDoctor(net, outer, '--hop', inner, '--quick', '--only', 'large-upload');
    expect(report.findings.map(({ id, hop, evidence }) => [id, hop.url, evidence['limit']])).toEqual([
      ['upload-limit', outer, 1024 * 1024],
    ]);
  });
});
