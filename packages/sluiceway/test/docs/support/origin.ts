import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { seededBytes, seededView } from '../../support/content.js';
import { type ListenOptions, type RunningServer, startServer } from '../../support/servers.js';

/** A request as the origin server of an example saw it. */
interface SeenRequest {
  method: string;
  url: string;
  fields: IncomingMessage['headers'];
  content: Buffer;
}

export interface ExampleOrigin extends RunningServer {
  readonly seen: readonly SeenRequest[];
  /** Lets responses for `…/slow` go on after their first half. */
  release(): void;
}

/** What `…/large` holds. */
export const largeContent: Buffer = seededBytes('documentation', 0, 3_000_000);

const largeDigest = createHash('sha256').update(largeContent).digest('base64');

/** What `…/slow` holds, sent in two halves. */
export const slowContent: Buffer = Buffer.from(seededView('documentation', 0, 200_000));

/**
 * The origin server behind the examples. The last segment of the path says what it does; any other is answered
 * with a few words.
 */
export async function startExampleOrigin(listen: ListenOptions = {}): Promise<ExampleOrigin> {
  const seen: SeenRequest[] = [];
  const waiting: (() => void)[] = [];
  const running = await startServer((request, response) => {
    void readContent(request).then((content) => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, fields: headers, content });
      answer(request, response, content, waiting);
    });
  }, listen);
  return Object.assign(running, {
    seen,
    release: () => {
      for (const goOn of waiting.splice(0)) goOn();
    },
  });
}

async function readContent(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  waiting: (() => void)[],
): void {
  response.setHeader('Server', 'example');
  response.setHeader('X-Powered-By', 'example');
  response.setHeader('Set-Cookie', 'session=1; Domain=example.com');
  const name = request.url?.split('?', 1)[0]?.split('/').at(-1);
  if (name === 'large') sendLarge(request, response);
  else if (name === 'missing')
    response.writeHead(404, { 'Content-Type': 'text/plain', ETag: '"gone"' }).end('gone');
  else if (name === 'moved') {
    const { localPort } = request.socket;
    response.writeHead(302, { Location: `http://127.0.0.1:${localPort}/elsewhere` }).end();
  } else if (name === 'page')
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<p>');
  else if (name === 'cut') {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('only this', () => response.destroy());
  } else if (name === 'slow') {
    const half = slowContent.length / 2;
    response.writeHead(200, { 'Content-Length': slowContent.length });
    response.write(slowContent.subarray(0, half));
    waiting.push(() => response.end(slowContent.subarray(half)));
  } else if (request.method === 'GET' || request.method === 'HEAD') response.end(`this is ${request.url}`);
  else response.end(`got ${content.length} bytes`);
}

function sendLarge(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('ETag', '"large"');
  response.setHeader('Repr-Digest', `sha-256=:${largeDigest}:`);
  response.setHeader('Accept-Ranges', 'bytes');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (first === undefined || last === undefined) {
    response.setHeader('Content-Length', largeContent.length);
    response.end(largeContent);
    return;
  }
  response.writeHead(206, { 'Content-Range': `bytes ${first}-${last}/${largeContent.length}` });
  response.end(largeContent.subarray(Number(first), Number(last) + 1));
}
