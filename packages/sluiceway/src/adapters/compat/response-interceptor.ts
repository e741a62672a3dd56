import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform as TransformStream } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { DownstreamResponseDraft, Transform, UpstreamResponse } from '../../proxy/hooks.js';
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
 * For `on.proxyRes`, together with `selfHandleResponse: true`: holds each response in memory, whole. The head has been
 * sent when the interceptor is called; what it would change of that, `on.proxyRes` of a proxy without an interceptor
 * may.
 */
export function responseInterceptor<Request extends IncomingMessage, Response extends ServerResponse>(
  interceptor: Interceptor<Request, Response>,
): ResponseInterception {
  // Called with the request and the response of the application, whose types are the caller's to know.
  return new ResponseInterception(interceptor as unknown as Interceptor);
}

/** What the transform of one response needs to know. */
export interface Intercepted {
  proxyResponse: ProxyResponse;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Streams that take a content coding off, gather what comes, and send what the interceptor makes of it. */
export function toTransform<Context>(
  interceptor: Interceptor,
  find: (context: Context, received: UpstreamResponse, draft: DownstreamResponseDraft) => Intercepted,
): Transform<Context> {
  return {
    changesContent: true,
    create({ upstream, downstream, request }) {
      const { proxyResponse, request: raw, response } = find(request.context, upstream, downstream);
      const decoder = toDecoder(upstream.fields.get('content-encoding'));
      if (decoder !== null) downstream.fields.delete('Content-Encoding');
      const gather = gathering((content) => interceptor(content, proxyResponse, raw, response));
      return decoder === null ? gather : [decoder, gather];
    },
  };
}

function gathering(
  finish: (content: Buffer) => string | Uint8Array | Promise<string | Uint8Array>,
): TransformStream {
  const parts: Buffer[] = [];
  return new TransformStream({
    transform(chunk: Buffer, _encoding, done) {
      parts.push(chunk);
      done();
    },
    flush(done) {
      const run = async (): Promise<string | Uint8Array> => finish(Buffer.concat(parts));
      run().then((content) => done(null, content), done);
    },
  });
}

function toDecoder(coding: string | undefined): TransformStream | null {
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip();
  if (coding === 'br') return createBrotliDecompress();
  if (coding === 'deflate') return createInflate();
  return null;
}
