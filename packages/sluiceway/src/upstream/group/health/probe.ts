import { SluicewayError } from '../../../errors.js';
import { Fields } from '../../../http/fields.js';
import type { BaseTarget } from '../../../http/target.js';
import { type AddressPolicy, anyAddress } from '../../../net/address-policy.js';
import { dialDirectly } from '../../../net/direct-dial.js';
import type { ChunkSource } from '../../../stream/chunk-source.js';
import type { Exchange, Transport } from '../../transport.js';

/** What a check sends, and what it expects. */
export interface ProbeSettings {
  /** The path of the request, with a query if it has one. Null: only a TCP connection is made. */
  path: string | null;
  /** The port, if it is not the server's. */
  port: number | undefined;
  timeoutMs: number;
  isExpected(status: number): boolean;
  /** Text that the content must contain. */
  content: string | undefined;
}

/** The content is searched up to this length. */
const MAX_CONTENT_BYTES = 64 * 1024;

/** Checks a server once. `policy`: the addresses that a TCP check may connect to; a transport has its own. Resolves with null if it is well, and with the reason if not. Never rejects. */
export async function probe(
  transport: Transport,
  server: BaseTarget,
  settings: ProbeSettings,
  signal: AbortSignal,
  policy: AddressPolicy = anyAddress,
): Promise<string | null> {
  const { port, path } = settings;
  const base = port === undefined ? server : { ...server, port };
  try {
    return await (path === null
      ? probeTcp(base, policy, settings.timeoutMs, signal)
      : probeHttp(transport, base, path, settings, signal));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function probeHttp(
  transport: Transport,
  base: BaseTarget,
  path: string,
  { timeoutMs, isExpected, content }: ProbeSettings,
  signal: AbortSignal,
): Promise<string | null> {
  const exchange = transport.send({
    destination: base,
    method: 'GET',
    path,
    headers: new Fields(['Host', base.host, 'User-Agent', 'sluiceway-health']),
    content: null,
    upgrade: null,
    expectContinue: false,
    onInterim: () => {},
    onRequestSent: () => {},
  });
  const stop = abortAfter(exchange, timeoutMs, signal);
  try {
    const response = await exchange.response;
    if (!isExpected(response.status)) {
      response.content.cancel();
      return `it answered ${response.status}`;
    }
    const text = await readText(response.content);
    return content === undefined || text.includes(content) ? null : 'its content is not as expected';
  } finally {
    stop();
  }
}

/** Aborts an exchange that takes too long, or whose check is no longer needed. Returns a function that ends this. */
function abortAfter(exchange: Exchange, timeoutMs: number, signal: AbortSignal): () => void {
  const abort = (): void =>
    exchange.abort(
      new SluicewayError('http_response_timeout', `no complete response within ${timeoutMs} ms`),
    );
  const timer = setTimeout(abort, timeoutMs);
  signal.addEventListener('abort', abort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  };
}

/** The beginning of the content, as latin1. Reading all of it lets the connection be used again. */
function readText(source: ChunkSource): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    source.start({
      chunk(bytes, done) {
        text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
        done();
        if (text.length < MAX_CONTENT_BYTES) return;
        source.cancel();
        resolve(text);
      },
      end: () => resolve(text),
      fail: reject,
    });
  });
}

function probeTcp(
  base: BaseTarget,
  policy: AddressPolicy,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const dialling = dialDirectly(
      // Without TLS.
      { destination: { ...base, protocol: 'http:' }, policy, connectTimeoutMs: timeoutMs },
      {
        connected: (socket) => {
          socket.destroy();
          resolve(null);
        },
        failed: ({ message }) => resolve(message),
      },
    );
    signal.addEventListener(
      'abort',
      () => {
        dialling.cancel();
        resolve('the check was ended');
      },
      { once: true },
    );
  });
}
