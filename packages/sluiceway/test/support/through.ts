import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import type { OriginScript, RawOrigin } from './raw-origin.js';
import type { ProxyOptions, RunningProxy } from './servers.js';

export interface Line {
  origin: RawOrigin;
  running: RunningProxy;
  client: RawClient;
}

/** A client, a proxy and an origin server in line. The client is connected to the proxy. */
export async function through(
  net: Network,
  script: OriginScript,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<Line> {
  const origin = await net.origin(script);
  const running = await net.proxy({ upstream: origin.url, ...options });
  return { origin, running, client: await net.client(running) };
}

/** A response with `Content-Length`, as bytes. `lines` are further field lines. */
export function sized(
  content: string | Uint8Array,
  lines: readonly string[] = [],
  startLine = 'HTTP/1.1 200 OK',
): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const head = [startLine, `Content-Length: ${bytes.length}`, ...lines].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes]);
}

/** A chunked response, as bytes. `trailers` are field lines after the last chunk. */
export function chunked(
  chunks: readonly (string | Uint8Array)[],
  lines: readonly string[] = [],
  trailers: readonly string[] = [],
): Buffer {
  const head = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', ...lines].join('\r\n');
  const parts: Buffer[] = [Buffer.from(`${head}\r\n\r\n`, 'latin1')];
  for (const chunk of chunks) parts.push(toChunk(chunk));
  const end = ['0', ...trailers].join('\r\n');
  parts.push(Buffer.from(`${end}\r\n\r\n`, 'latin1'));
  return Buffer.concat(parts);
}

/** One chunk with its framing. */
export function toChunk(chunk: string | Uint8Array): Buffer {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk;
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`, 'latin1'),
    bytes,
    Buffer.from('\r\n', 'latin1'),
  ]);
}
