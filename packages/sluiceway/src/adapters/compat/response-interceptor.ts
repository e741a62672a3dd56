import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { Fields } from '../../http/fields.js';
import type { DownstreamResponseDraft } from '../../proxy/messages/responses.js';
import type { ContentInterceptor } from '../../proxy/response/interception.js';
import type { ProxyResponse } from './messages.js';

/** Gets the whole content of a response, its coding taken off, and returns what the client shall get. */
export type Interceptor<Request = IncomingMessage, Response = ServerResponse> = (
  content: Buffer,
  proxyResponse: ProxyResponse,
  request: Request,
  response: Response,
) => string | Uint8Array | Promise<string | Uint8Array>;

/** Stands for an interceptor in `on.proxyRes`. */
export class ResponseInterception {
  readonly interceptor: Interceptor;

  constructor(interceptor: Interceptor) {
    this.interceptor = interceptor;
  }
}

/**
 * For `on.proxyRes`, together with `selfHandleResponse: true`: holds each response in memory, whole. The response that
 * the interceptor is given has the status and the fields of the target's, and what it changes of them is sent. It is not
 * called for responses without content (HEAD, 204, 304).
 */
export function responseInterceptor<Request extends IncomingMessage, Response extends ServerResponse>(
  interceptor: Interceptor<Request, Response>,
): ResponseInterception {
  // Called with the request and the response of the application, whose types are the caller's to know.
  return new ResponseInterception(interceptor as unknown as Interceptor);
}

/** What the interception of one response needs to know. */
export interface Intercepted {
  proxyResponse: ProxyResponse;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Decodes content, and calls the interceptor with a response that holds the head. */
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
 * Puts the head into the response for the time of a call, and takes back what has become of it. What the response had
 * before is part of that; where the call fails, the response is left as it was.
 */
async function withHead<T>(
  response: ServerResponse,
  draft: DownstreamResponseDraft,
  call: () => T | Promise<T>,
): Promise<T> {
  const { status, statusText: phrase, headers } = draft;
  const { statusCode } = response;
  const before = Object.entries(response.getHeaders());
  // HTTP/2 has no phrases, and Node warns of those.
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
      // Undefined until somebody sets it, whatever its type says: Node takes the usual one then.
      if (hasPhrase) Object.assign(response, { statusMessage: undefined });
      for (const [name, value] of before) if (value !== undefined) response.setHeader(name, value);
    }
    throw error;
  }
}

/** Lines that are as they were stay byte for byte. */
function takeBack(response: ServerResponse, fields: Fields): void {
  for (const [name] of [...fields]) if (!response.hasHeader(name)) fields.delete(name);
  // HTTP/2 has names in lower case only.
  const names =
    'getRawHeaderNames' in response
      ? (response as ServerResponse & { getRawHeaderNames(): string[] }).getRawHeaderNames()
      : response.getHeaderNames();
  for (const name of names) {
    const lines = [response.getHeader(name) ?? []].flat().map(String);
    if (lines.join('\n') !== fields.getAll(name).join('\n')) fields.set(name, lines);
  }
}

/** Of a response that ends an exchange, as far as Node sends it. */
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
  // Some servers leave the format of zlib out, and browsers take both.
  deflate: (content) => inflate(content).catch(() => inflateRaw(content)),
  // Node has it from 22.15 on.
  ...('zstdDecompress' in zlib && { zstd: promisify(zlib.zstdDecompress as typeof zlib.gunzip) }),
};

/** Null where there is nothing to decode, and for codings that are not known: those stay in the head. */
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
