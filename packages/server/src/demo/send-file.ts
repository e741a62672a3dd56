import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasMatch, isSameRepresentation, type Part, readRange } from './file-request.js';

type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file to serve. `read` provides its bytes. */
export interface ServedFile<P extends Parts = Iterable<Uint8Array>> {
  size: number;
  contentType: string;
  /** Null for a file that has no validators. */
  validators: { etag: string; lastModified: string } | null;
  /** Returns the bytes from `start` up to, but not including, `end`. An error breaks the response off. */
  read(start: number, end: number): P;
}

/** Answers a GET or HEAD with a file. Supports Range, If-Range and If-None-Match. */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: ServedFile<Parts>,
): Promise<void> {
  const { size } = file;
  const { etag, lastModified } = file.validators ?? { etag: '', lastModified: '' };
  const fields = {
    ...(file.validators && { ETag: etag, 'Last-Modified': lastModified }),
    'Accept-Ranges': 'bytes',
  };
  if (file.validators && hasMatch(request.headers['if-none-match'], etag)) {
    response.writeHead(304, fields).end();
    return;
  }

  const part = choosePart(request, size, etag, lastModified);
  if (part === 'unsatisfiable') {
    const text = 'The file is shorter.\n';
    response.writeHead(416, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': text.length,
      'Content-Range': `bytes */${size}`,
    });
    response.end(text);
    return;
  }

  const { start, end } = part ?? { start: 0, end: size };
  response.writeHead(part === null ? 200 : 206, {
    'Content-Type': file.contentType,
    'Content-Length': end - start,
    ...fields,
    ...(part !== null && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === 'GET') await sendParts(response, file.read(start, end));
  response.end();
}

/** Returns null for the whole file. Range applies to GET only (RFC 9110 section 14.2). */
function choosePart(
  request: IncomingMessage,
  size: number,
  etag: string,
  lastModified: string,
): Part | 'unsatisfiable' | null {
  const ifRange = request.headers['if-range']?.toString();
  if (request.method !== 'GET' || !isSameRepresentation(ifRange, etag, lastModified)) return null;
  return readRange(request.headers.range, size);
}

/** Sends the bytes as fast as the client takes them. Stops when the client leaves. */
async function sendParts(response: ServerResponse, parts: Parts): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  for await (const part of parts) {
    if (response.destroyed) return;
    if (!response.write(part)) await once(response, 'drain', { signal: left.signal });
  }
}
