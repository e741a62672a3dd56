import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { attach, createProxy, type ProxyOptions } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { isReset } from '../support/connection-end.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { StoppedTime } from '../support/stopped-time.js';
import { toChunk } from '../support/through.js';
import { until } from '../support/until.js';

const PART = 100_000;
const part = seededBytes('break-off', 0, PART);

const LENGTH = `Content-Length: ${2 * PART}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

type BreakOff = ProxyOptions['breakOff'];

interface Case {
  framing: string;
  /** Field lines of the client. */
  lines?: readonly string[];
  version?: '1.0' | '1.1';
  breakOff?: BreakOff;
  secure?: boolean;
}

/**
 * The end of a connection on which the client has read half of a file before the origin server fails: a FIN or a RST, as the
 * kernel of the client sees it, also under TLS.
 */
async function endOf(
  net: Network,
  { framing, lines = [], version = '1.1', breakOff, secure = false }: Case,
): Promise<'FIN' | 'RST'> {
  const mayFail = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n`);
    await connection.write(framing === CHUNKED ? toChunk(part) : part);
    await mayFail.opened;
    connection.reset();
  });
  const tls = secure ? { tls: await loopbackCertificate() } : {};
  const running = await net.proxy({ upstream: origin.url, ...(breakOff !== undefined && { breakOff }) }, tls);
  const client = await net.client(running, tls);
  const ended = tcpEnd(client);
  await client.send([`GET / HTTP/${version}`, 'Host: test', ...lines, '', ''].join('\r\n'));
  await client.readHead();
  // The size of a chunk comes before its content.
  const bytes = await client.readExactly(PART / 2);
  if (framing !== CHUNKED) expect(isSeeded('break-off', 0, bytes)).toBe(true);
  mayFail.open();
  const ending = await ended;
  expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated', status: 200 });
  return ending;
}

const tcpEnd = ({ tcp }: RawClient): Promise<'FIN' | 'RST'> =>
  new Promise((resolve) => {
    tcp.once('error', () => resolve('RST'));
    tcp.once('end', () => resolve(isReset(tcp) ? 'RST' : 'FIN'));
  });

const BROWSERS: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ['a browser on a secure origin', ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate']],
  ['a browser that navigates over plain HTTP', ['Upgrade-Insecure-Requests: 1']],
  [
    'Chromium that continues a download over plain HTTP',
    [
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
      'Accept-Language: en-US,en;q=0.9',
      'Range: bytes=0-',
      'If-Range: "x"',
    ],
  ],
];

const SCRIPTS: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ['a script', ['User-Agent: python-requests/2.28.1', 'Accept-Language: en']],
  ['a client that names no program', []],
  ['fetch of Node', ['User-Agent: node', 'Accept-Language: *', 'Sec-Fetch-Mode: cors']],
  ['a script that takes the name of a browser', ['User-Agent: Mozilla/5.0 (X11; Linux x86_64)']],
];

describe.each([
  ['TCP', false],
  ['TLS', true],
] as const)('a response over HTTP/1.1 and %s that breaks off', (_carrier, secure) => {
  test.for(BROWSERS)(
    'inside its length ends with a FIN for %s, after which Chromium goes on by itself [Chromium; Sluiceway]',
    async ([, lines], { net }) => {
      expect(await endOf(net, { framing: LENGTH, lines, secure })).toBe('FIN');
    },
  );

  test.for(SCRIPTS)(
    'inside its length ends with a reset for %s, since many take a FIN for the end of the file [RFC 9112 8; Sluiceway]',
    async ([, lines], { net }) => {
      expect(await endOf(net, { framing: LENGTH, lines, secure })).toBe('RST');
    },
  );

  test.for([
    ['reset', 'RST'],
    ['close', 'FIN'],
  ] as const)(
    "inside its length ends for everybody as breakOff: '%s' says [Sluiceway]",
    async ([breakOff, ending], { net }) => {
      for (const [, lines] of [...BROWSERS.slice(0, 1), ...SCRIPTS.slice(0, 1)])
        expect(await endOf(net, { framing: LENGTH, lines, secure, breakOff })).toBe(ending);
    },
  );

  test.for(['auto', 'reset', 'close'] as const)(
    "in chunks or up to the close ends with a reset, also for a browser and with breakOff: '%s' [RFC 9112 8; Sluiceway]",
    async (breakOff, { net }) => {
      const lines = ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'];
      expect(await endOf(net, { framing: CHUNKED, lines, secure, breakOff })).toBe('RST');
      expect(await endOf(net, { framing: CHUNKED, version: '1.0', lines, secure, breakOff })).toBe('RST');
    },
  );
});

test('a client that is busy for 90 ms still gets all that was written before a break, however fast the transfer was [Sluiceway]', async ({
  net,
}) => {
  const time = new StoppedTime(net);
  const size = 1024 * 1024;
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${2 * size}\r\n\r\n`);
    await connection.writeSeeded('busy', 0, size);
    connection.end();
  });
  const running = await net.proxy({ upstream: origin.url, resume: false });
  const client = await net.client(running);
  await client.get('/');
  const head = await client.readHead();
  client.pause();
  await until(() => running.proxy.active === 0, 'the transfer had ended');
  await time.pass(90);
  client.resume();
  const content = client.readContent(head);
  await until(() => client.bytesRead > size, 'all that was written had arrived');
  await time.pass(10);
  expect(await content).toMatchObject({ complete: false, contentLength: size });
});

test('a response without a length that breaks off on a Unix socket, which knows no reset, ends with its connection [Sluiceway]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\n${CHUNKED}\r\n`);
    await connection.write(toChunk(part));
    connection.reset();
  });
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-'));
  net.cleanup(() => rmSync(folder, { recursive: true }));
  const proxy = createProxy({ upstream: origin.url });
  net.cleanup(() => proxy.destroy());
  const server = createServer();
  attach(server, proxy);
  net.cleanup(() => server.close());
  const path = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  for (const version of ['1.0', '1.1']) {
    const client = connect(path);
    client.write(`GET / HTTP/${version}\r\nHost: test\r\n\r\n`);
    let text = '';
    for await (const bytes of client) text += String(bytes);
    expect(text).toContain(' 200 OK\r\n');
    expect(text.endsWith('\r\n0\r\n\r\n')).toBe(false);
  }
});
