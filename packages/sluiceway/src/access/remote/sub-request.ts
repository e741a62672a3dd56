import { SluicewayError } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import type { Target } from '../../upstream/target.js';
import type { Transport } from '../../upstream/transport.js';

/** The response to a small request of our own. */
export interface SubResponse {
  status: number;
  headers: Fields;
  /** Null if it is longer than the limit. */
  content: Buffer | null;
}

export interface SubRequestLimits {
  /** Time for the whole request, content included. */
  timeoutMs: number;
  /** Most bytes of content that are kept. */
  maxBytes: number;
}

/**
 * Sends a GET request of our own, and reads its content. Follows no redirect. Rejects with a `SluicewayError` if there is
 * no complete response in time.
 */
export async function sendSubRequest(
  transport: Transport,
  { base, path }: Target,
  headers: Fields,
  { timeoutMs, maxBytes }: SubRequestLimits,
): Promise<SubResponse> {
  const exchange = transport.send({
    destination: base,
    method: 'GET',
    path,
    headers: new Fields(['Host', base.host]).appendAll(headers),
    content: null,
    upgrade: null,
    expectContinue: false,
    onInterim: () => {},
    onRequestSent: () => {},
  });
  const timer = setTimeout(() => {
    const message = `There was no response within ${timeoutMs} ms`;
    exchange.abort(new SluicewayError('http_response_timeout', message));
  }, timeoutMs);
  try {
    const response = await exchange.response;
    const content = await readContent(response.content, maxBytes);
    return { status: response.status, headers: response.headers, content };
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves with null for longer content. Rejects if the content breaks off. */
function readContent(source: ChunkSource, maxBytes: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isOver = false;
    source.start({
      chunk(chunk, done) {
        if (isOver) {
          done();
          return;
        }
        bytes += chunk.length;
        // The chunk is only borrowed.
        chunks.push(Buffer.from(chunk));
        done();
        if (bytes <= maxBytes) return;
        isOver = true;
        source.cancel();
        resolve(null);
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    });
  });
}
