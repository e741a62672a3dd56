import { request } from 'node:http';
import { Duplex } from 'node:stream';

/** A response as read by Node's own client. */
export interface NodeResponse {
  httpVersion: string;
  status: number;
  statusText: string;
  /** Alternating names and values. */
  fields: string[];
  content: string;
  trailers: string[];
  /** Whether the content has reached the end that its framing announces. */
  complete: boolean;
}

/** Reads the response to a GET with the parser of Node's client in strict mode. Returns a string if it is refused. */
export function readWithNode(pieces: readonly Buffer[]): Promise<NodeResponse | string> {
  return new Promise((resolve) => {
    const left = [...pieces];
    let response: NodeResponse | undefined;
    let failure: string | undefined;
    const wire = new Duplex({
      read() {
        this.push(left.shift() ?? null);
      },
      write: (_bytes, _encoding, done) => done(),
    });
    const sent = request({
      createConnection: () => wire,
      insecureHTTPParser: false,
      maxHeaderSize: 1024 * 1024,
      headers: { Host: 'test' },
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error.code ?? error.message;
    });
    sent.on('upgrade', () => {
      failure ??= 'upgrade';
      wire.destroy();
    });
    sent.on('response', (message) => {
      const parsed: NodeResponse = {
        httpVersion: message.httpVersion,
        status: message.statusCode ?? 0,
        statusText: message.statusMessage ?? '',
        fields: message.rawHeaders,
        content: '',
        trailers: [],
        complete: false,
      };
      response = parsed;
      message.setEncoding('latin1');
      message.on('data', (text: string) => {
        parsed.content += text;
      });
      message.on('end', () => {
        parsed.complete = message.complete;
        parsed.trailers = message.rawTrailers;
      });
      message.on('error', () => {});
    });
    sent.on('close', () => resolve(failure ?? response ?? 'closed'));
    sent.end();
  });
}
