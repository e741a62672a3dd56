import { Readable } from 'node:stream';
import type { ResponseHead } from '../../downstream/exchange.js';
import type { SluicewayError } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import { problemJson } from '../../http/problem.js';
import { formatProxyStatus } from '../../http/proxy-status.js';
import { retrySoon } from '../../http/retry-after.js';
import { statusText } from '../../http/status-text.js';
import { type ChunkSource, emptySource, singleChunk } from '../../stream/chunk-source.js';
import { ReadableSource } from '../../stream/readable-source.js';
import type { Answer } from '../messages/responses.js';

/** Content that the application supplies. The length is null if it is unknown. */
interface OwnContent {
  source: ChunkSource;
  length: number | null;
}

/** Content that the application supplies, after its head is complete. */
export interface FramedContent {
  source: ChunkSource;
  /** The length that a stream must have. Null if the length is known anyway, or not stated. */
  statedLength: number | null;
}

function toOwnContent(content: Answer['content']): OwnContent {
  if (content instanceof Readable) return { source: new ReadableSource(content), length: null };
  if (content === undefined || content.length === 0) return { source: emptySource, length: 0 };
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return { source: singleChunk(bytes), length: bytes.length };
}

/**
 * Sets the framing for content that the application supplies. Bytes get their own length; a stream must be as long as
 * its `Content-Length` states. `contentless`: no content is sent.
 */
export function frameOwnContent(
  head: ResponseHead,
  content: Answer['content'],
  contentless: boolean,
): FramedContent {
  const { headers } = head;
  const own = toOwnContent(content);
  headers.delete('transfer-encoding').delete('trailer');
  if (head.status === 204) headers.delete('content-length');
  else if (own.length !== null && !(contentless && (head.status === 304 || headers.has('content-length'))))
    headers.set('Content-Length', String(own.length));
  const announced = headers.get('content-length');
  const statedLength = own.length !== null || announced === undefined ? null : Number(announced);
  return { source: own.source, statedLength };
}

/** Checks and completes an answer of a hook. Throws a `TypeError` if a field or the status is not valid. */
export function toResponseHead(answer: Answer): ResponseHead {
  const headers = new Fields();
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    for (const line of typeof value === 'string' ? [value] : value) headers.append(name, line);
  }
  if (!Number.isInteger(answer.status) || answer.status < 200 || answer.status > 999) {
    throw new TypeError(`An answer needs a final status, not ${String(answer.status)}`);
  }
  return { status: answer.status, statusText: answer.statusText ?? statusText(answer.status), headers };
}

/** The default answer to a failure: a public message for the client, and the error type in `Proxy-Status` (RFC 9209). */
export function draftErrorAnswer(error: SluicewayError, proxyName: string, allowedMethods: string): Answer {
  return {
    status: error.status,
    headers: {
      ...(error.content === null && { 'Content-Type': 'application/problem+json' }),
      'Cache-Control': 'no-store',
      'Proxy-Status': formatProxyStatus(proxyName, error.code),
      ...(error.status === 405 && { Allow: allowedMethods }),
      ...((error.status === 503 || error.status === 429) && { 'Retry-After': retrySoon() }),
      ...error.headers,
    },
    content: error.content ?? problemJson(error.status, error.publicMessage),
  };
}
