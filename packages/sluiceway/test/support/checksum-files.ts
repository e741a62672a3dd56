import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What an origin server has under a path: content, or a function that answers. */
export type Entry = string | Buffer | ((request: IncomingMessage, response: ServerResponse) => unknown);

/** A listener that serves these paths, in chunks if the query is `?chunked`, and 404 for all others. */
export const servingFiles =
  (files: Readonly<Record<string, Entry>>) =>
  (request: IncomingMessage, response: ServerResponse): unknown => {
    const [path = '', query] = (request.url ?? '').split('?');
    const entry = files[path];
    if (typeof entry === 'function') return entry(request, response);
    if (entry === undefined) return response.writeHead(404, { 'Content-Length': 0 }).end();
    if (query !== 'chunked') response.setHeader('Content-Length', Buffer.byteLength(entry));
    return request.method === 'HEAD' ? response.end() : response.end(entry);
  };

/** A line as `sha256sum` prints it. */
export const sumLine = (content: string | Buffer, name: string, algorithm = 'sha256'): string =>
  `${createHash(algorithm).update(content).digest('hex')}  ${name}\n`;
