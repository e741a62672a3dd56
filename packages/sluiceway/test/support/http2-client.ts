import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { Readable } from 'node:stream';

/** A response as seen by the client of `node:http2`. */
export interface Http2Response {
  status: number;
  fields: IncomingHttpHeaders;
  /** Alternating names and values of the head. */
  raw: string[];
  interim: IncomingHttpHeaders[];
  trailers: IncomingHttpHeaders | null;
  content: Buffer;
  /** Number of content bytes that arrived. */
  contentLength: number;
  /** The stream ended with END_STREAM: nothing is missing. */
  complete: boolean;
  /** The code with which the stream was reset; 0 if it was not. */
  resetWith: number;
}

export interface Http2RequestOptions {
  headers?: OutgoingHttpHeaders;
  content?: Uint8Array | Readable;
  /** Takes content piece by piece. `content` stays empty then. */
  onContent?: (bytes: Buffer) => void;
}

/** An HTTP/2 client connection. The code that opens it has to close it. */
export class Http2Client {
  readonly session: ClientHttp2Session;

  constructor(session: ClientHttp2Session) {
    this.session = session;
    // Each request reports the error itself.
    session.on('error', () => {});
  }

  get(path: string, headers: OutgoingHttpHeaders = {}): Promise<Http2Response> {
    return this.request(path, { headers });
  }

  /** Sends a request and reads the response to its end or failure. */
  request(path: string, options: Http2RequestOptions = {}): Promise<Http2Response> {
    return readHttp2Response(this.open(path, options), options.onContent);
  }

  /** Sends a request and returns its stream. */
  open(path: string, { headers = {}, content }: Http2RequestOptions = {}): ClientHttp2Stream {
    const head = { ':path': path, ':authority': 'test', ...headers };
    const stream = this.session.request(head, { endStream: content === undefined });
    stream.on('error', () => {});
    if (content instanceof Readable) content.pipe(stream);
    else if (content !== undefined) stream.end(content);
    return stream;
  }

  close(): void {
    this.session.destroy();
  }
}

/** Reads the response on a stream to its end. */
async function readHttp2Response(
  stream: ClientHttp2Stream,
  onContent?: (bytes: Buffer) => void,
): Promise<Http2Response> {
  const response: Http2Response = {
    status: 0,
    fields: {},
    raw: [],
    interim: [],
    trailers: null,
    content: Buffer.alloc(0),
    contentLength: 0,
    complete: false,
    resetWith: 0,
  };
  const parts: Buffer[] = [];
  stream.on('headers', (headers: IncomingHttpHeaders) => response.interim.push(headers));
  stream.on('response', (fields: IncomingHttpHeaders & { ':status'?: number }, ...rest: unknown[]) => {
    response.status = fields[':status'] ?? 0;
    response.fields = fields;
    // Node's types do not include the flags and the raw list that follow.
    response.raw = (rest[1] as string[] | undefined) ?? [];
  });
  stream.on('trailers', (trailers: IncomingHttpHeaders) => {
    response.trailers = trailers;
  });
  stream.on('data', (bytes: Buffer) => {
    response.contentLength += bytes.length;
    if (onContent) onContent(bytes);
    else parts.push(bytes);
  });
  stream.on('end', () => {
    response.complete = !stream.destroyed && !stream.aborted;
  });
  // `once` of node:events would reject for an error.
  if (!stream.destroyed) await new Promise((resolve) => stream.once('close', resolve));
  response.resetWith = stream.rstCode ?? 0;
  response.complete &&= response.resetWith === 0;
  response.content = Buffer.concat(parts);
  return response;
}

/** Connects, with TLS if there is a `ca`, and waits for the server's settings. */
export async function openHttp2(
  port: number,
  options: { ca?: string | undefined } = {},
): Promise<Http2Client> {
  const { ca } = options;
  // Waiting uploads count as memory of the session, which resets streams above its limit.
  const limits = { maxSessionMemory: 1000 };
  const session = connect(
    ca === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    ca === undefined ? limits : { ...limits, ca, ALPNProtocols: ['h2'] },
  );
  await once(session, 'remoteSettings');
  return new Http2Client(session);
}
