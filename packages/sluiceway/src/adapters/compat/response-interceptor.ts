import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Fields } from '../../http/fields.js';
import type { DownstreamResponseDraft } from '../../proxy/messages/responses.js';
import type { ContentInterceptor } from '../../proxy/response/interception.js';
import type { ProxyResponse } from './messages.js';

/** Takes the whole decoded content of a response, and returns the content for the client. */
export type Interceptor<Request = IncomingMessage, Response = ServerResponse> = (
  content: Buffer,
  proxyResponse: ProxyResponse,
  request: Request,
  response: Response,
) => string | Uint8Array | Promise<string | Uint8Array>;

/** Marks an interceptor in `on.proxyRes`. */
export class ResponseInterception {
  readonly interceptor: Interceptor;

  constructor(interceptor: Interceptor) {
    this.interceptor = interceptor;
  }
}

/**
 * For `on.proxyRes`, together with `selfHandleResponse: true`. Buffers each whole response in memory. The interceptor's
 * response has the target's status and fields; its changes to them are sent. Not called for responses without content
 * (HEAD, 204, 304).
 */
export function responseInterceptor<Request extends IncomingMessage, Response extends ServerResponse>(
  interceptor: Interceptor<Request, Response>,
): ResponseInterception {
  // The interceptor gets the application's request and response, whose types only the caller knows.
  return new ResponseInterception(interceptor as unknown as Interceptor);
}

/** The data for the interception of one response. */
export interface Intercepted {
  proxyResponse: ProxyResponse;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Decodes content, and calls the interceptor with a response that has the head. */
export function toContentInterceptor(
  interceptor: Interceptor,
  find: (messages: Parameters<ContentInterceptor>[1]) => Intercepted,
): ContentInterceptor {
  return async (content, messages) => {
    const { upstreamResponse, response: downstream } = messages;
    const { proxyResponse, request, response } = find(messages);
    const decode = toDecoder(upstreamResponse.headers.list('content-encoding'));
    if (decode !== null) downstream.headers.delete('Content-Encoding');
    const decoded = decode === null || content.length === 0 ? content : await decode(content);
    return withHead(response, downstream, () => interceptor(decoded, proxyResponse, request, response));
  };
}

/**
 * Sets the head on the response during a call, and returns its changes afterwards. The previous fields of the response
 * are included. If the call fails, the response is restored.
 */
async function withHead<T>(
  response: ServerResponse,
  draft: DownstreamResponseDraft,
  call: () => T | Promise<T>,
): Promise<T> {
  const { status, statusText: phrase, headers } = draft;
  const { statusCode } = response;
  const before = Object.entries(response.getHeaders());
  // HTTP/2 has no reason phrases. Node warns if one is set.
  const hasPhrase = !('stream' in response);
  try {
    response.statusCode = status;
    if (hasPhrase) response.statusMessage = phrase;
    for (const [name] of headers) {
      const [line = '', ...others] = headers.getAll(name);
      response.setHeader(name, others.length === 0 ? line : [line, ...others]);
    }
    const result = await call();
    if (response.headersSent) return result;
    if (!isFinalStatus(response.statusCode))
      throw new RangeError(`The interceptor must not set the status ${response.statusCode}`);
    if (typeof result !== 'string' && !(result instanceof Uint8Array))
      throw new TypeError('The interceptor must return a string or bytes as the content');
    draft.status = response.statusCode;
    if (draft.status !== status) draft.statusText = STATUS_CODES[draft.status] ?? '';
    if (hasPhrase && response.statusMessage !== phrase) draft.statusText = response.statusMessage;
    takeBack(response, headers);
    clear(response);
    return result;
  } catch (error) {
    if (!response.headersSent) {
      clear(response);
      response.statusCode = statusCode;
      // Undefined until it is set, contrary to its type. Node then uses the standard phrase.
      if (hasPhrase) Object.assign(response, { statusMessage: undefined });
      for (const [name, value] of before) if (value !== undefined) response.setHeader(name, value);
    }
    throw error;
  }
}

/** Unchanged lines stay byte for byte. */
function takeBack(response: ServerResponse, fields: Fields): void {
  for (const [name] of [...fields]) if (!response.hasHeader(name)) fields.delete(name);
  // HTTP/2 has only lower-case names.
  const names =
    'getRawHeaderNames' in response
      ? (response as ServerResponse & { getRawHeaderNames(): string[] }).getRawHeaderNames()
      : response.getHeaderNames();
  for (const name of names) {
    const lines = [response.getHeader(name) ?? []].flat().map(String);
    if (lines.join('\n') !== fields.getAll(name).join('\n')) fields.set(name, lines);
  }
}

/** A final status that Node can send. */
const isFinalStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 999;

function clear(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) response.removeHeader(name);
}

type Decode = (content: Buffer) => Promise<Buffer>;

const gunzip: Decode = promisify(zlib.gunzip);
const inflate: Decode = promisify(zlib.inflate);
const inflateRaw: Decode = promisify(zlib.inflateRaw);

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  br: promisify(zlib.brotliDecompress),
  // Some servers omit the zlib format. Browsers accept both.
  deflate: (content) => inflate(content).catch(() => inflateRaw(content)),
  // Available since Node 22.15.
  ...('zstdDecompress' in zlib && { zstd: promisify(zlib.zstdDecompress as typeof zlib.gunzip) }),
};

/** Returns null if there is nothing to decode. Also for unknown codings, which stay in the head. */
function toDecoder(codings: readonly string[]): Decode | null {
  const decoders = codings
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== 'identity')
    .map((coding) => DECODERS[coding]);
  if (decoders.length === 0) return null;
  return decoders.reduceRight<Decode | null>(
    (before, decode) =>
      before === null || decode === undefined ? null : async (content) => decode(await before(content)),
    async (content) => content,
  );
}
