import { expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { memberOf } from '../support/digests.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import type { ProxyListenOptions } from '../support/servers.js';
import { toChunk } from '../support/through.js';
import { runTool, scratchFolder } from '../support/tool.js';

const curl = requireTool('curl');

const PART = 1_000_000;
const part = seededBytes('cut', 0, PART);

/**
 * What curl says of a file that it knows to be incomplete: a partial file, a failure to receive, or a stream that
 * was reset.
 */
const INCOMPLETE = [18, 56, 92];

type Protocol = readonly [name: string, args: readonly string[], listen: ProxyListenOptions];

const protocols: readonly Protocol[] = [
  ['HTTP/1.1', ['--http1.1'], {}],
  ['HTTP/1.0', ['--http1.0'], {}],
  ['HTTP/2', ['--http2', '--insecure'], { http2: 'tls' }],
  ['HTTP/2 without TLS', ['--http2-prior-knowledge'], { http2: 'h2c' }],
];

/** Runs curl against an origin server that sends a head and some content and then ends as `end` does. */
async function download(
  net: Network,
  [_name, args, listen]: Protocol,
  head: string,
  content: Uint8Array,
  end: (connection: OriginConnection) => unknown,
) {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    void connection.write(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    await connection.write(content);
    end(connection);
  });
  const running = await net.proxy({ upstream: origin.url }, listen);
  const url = `${running.ca === undefined ? 'http' : 'https'}://127.0.0.1:${running.port}/file`;
  const { code } = await runTool(net, curl, ['-sS', '-o', 'file', ...args, url], {
    in: scratchFolder(net),
  });
  return { code, record: await running.record() };
}

const fin = (connection: OriginConnection) => connection.end();
const reset = (connection: OriginConnection) => connection.reset();

const LENGTH = `Content-Length: ${2 * PART}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const OTHER = `Repr-Digest: ${memberOf('something else')}\r\n`;
const CLOSE = 'Connection: close\r\n';

describeWith(curl).for(protocols)('curl with %s', (protocol) => {
  test.for([
    ['a stated length, and a FIN before it is reached', LENGTH, part, fin],
    ['a stated length, and a reset before it is reached', LENGTH, part, reset],
    ['chunks, and a FIN between two of them', CHUNKED, toChunk(part), fin],
    ['chunks, and a FIN inside one of them', CHUNKED, toChunk(part).subarray(0, -9), fin],
    ['chunks, and a FIN before the end of the trailer section', CHUNKED, join(toChunk(part), '0\r\n'), fin],
    ['chunks, and a reset', CHUNKED, toChunk(part), reset],
    ['chunks, and a chunk size that is none', CHUNKED, join(toChunk(part), 'size\r\n'), () => {}],
    ['an end that only the close tells, and a reset', CLOSE, part, reset],
    ['all of a stated length, and another digest', `Content-Length: ${PART}\r\n${OTHER}`, part, () => {}],
    ['all of its chunks, and another digest', CHUNKED + OTHER, join(toChunk(part), '0\r\n\r\n'), () => {}],
    ['an end that only the close tells, and another digest', CLOSE + OTHER, part, fin],
  ] as const)(
    'fails a download with %s [curl; RFC 9112 8; RFC 9113 8.1]',
    async ([_case, head, content, end], { net }) => {
      const { code, record } = await download(net, protocol, head, content, end);
      expect(INCOMPLETE).toContain(code);
      expect(record.outcome).toMatch(/^upstream_(truncated|invalid)$/);
    },
  );

  test.for([
    ['a stated length', `Content-Length: ${PART}\r\n`, part, () => {}],
    ['chunks', CHUNKED, join(toChunk(part), '0\r\n\r\n'), () => {}],
    ['an end that the close tells', CLOSE, part, fin],
  ] as const)(
    'succeeds with the whole of %s [curl; RFC 9112 8; RFC 9113 8.1]',
    async ([_case, head, content, end], { net }) => {
      const { code, record } = await download(net, protocol, head, content, end);
      expect(code).toBe(0);
      expect(record).toMatchObject({ outcome: 'completed', bytesDown: PART });
    },
  );
});

function join(content: Buffer, text: string): Buffer {
  return Buffer.concat([content, Buffer.from(text, 'latin1')]);
}
