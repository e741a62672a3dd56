import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { hasMatch, isSameRepresentation, type Part, readRange } from '../../demo/file-request.js';
import { seededView } from '../../demo/seeded-content.js';
import type { Observation, ProbeState } from './observation.js';
import { digestOf, etagOf, LAST_MODIFIED, responseFields } from './response-fields.js';
import type { Script } from './script.js';

/** Small pieces, so that the count of bytes that the kernel has accepted is exact enough. */
const PIECE_BYTES = 64 * 1024;

const HINTS_LEAD_MS = 100;

/** A probe that the doctor has left does not hold its connection for longer. */
const MAX_HOLD_MS = 15 * 60 * 1000;

/** Gives the response that the script asks for. Rejects if the connection breaks. */
export async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  script: Script,
  probe: ProbeState,
  { response: seen }: Observation,
): Promise<void> {
  const signal = closed(response);
  if (script.headDelay !== undefined) await wait(script.headDelay, undefined, { signal });
  if (script.hints === 1 && request.httpVersion !== '1.0') {
    response.writeEarlyHints({ link: '</sluiceway-doctor.css>; rel=preload; as=style' });
    // Servers send them while they prepare the response.
    await wait(HINTS_LEAD_MS, undefined, { signal });
  }

  const { size = 0 } = script;
  const fields = responseFields(request, script);
  const range = script.plain === 1 ? null : choosePart(request, script, size);
  if (range === 'unmodified') {
    response.writeHead(304, fields).end();
    return;
  }
  if (range === 'unsatisfiable') {
    response.writeHead(416, { ...fields, 'Content-Range': `bytes */${size}`, 'Content-Length': 0 }).end();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size };
  // HTTP/1.0 has neither chunks nor trailers.
  const hasTrailers = script.trailers === 1 && request.httpVersion !== '1.0';
  response.writeHead(range === null ? (script.status ?? 200) : 206, {
    ...fields,
    ...(range !== null && { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
    ...(script.framing !== 'chunked' && { 'Content-Length': end - start }),
    ...(hasTrailers && { Trailer: 'Repr-Digest, X-Doctor-Trailer' }),
  });
  if (request.method !== 'HEAD') await sendContent(response, script, probe, seen, { start, end, signal });
  if (hasTrailers)
    response.addTrailers({ 'Repr-Digest': digestOf(script.id, size), 'X-Doctor-Trailer': 'yes' });
  response.end();
  seen.isFinished = true;
}

function closed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

interface Span {
  start: number;
  end: number;
  signal: AbortSignal;
}

async function sendContent(
  response: ServerResponse,
  script: Script,
  probe: ProbeState,
  seen: Observation['response'],
  { start, end, signal }: Span,
): Promise<void> {
  const { id, holdAt, breakAt, piece = PIECE_BYTES, every } = script;
  if (start === end) return;
  for (let at = start; at < end; ) {
    if (at === holdAt) await hold(script, probe, signal);
    if (at === breakAt) {
      if (script.breakBy === 'reset') response.socket?.resetAndDestroy();
      else response.socket?.destroy();
      return;
    }
    const stops = [end, at + Math.min(piece, PIECE_BYTES), holdAt, breakAt].filter(
      (stop): stop is number => stop !== undefined && stop > at,
    );
    const view = seededView(id, at, Math.min(...stops) - at);
    await write(response, view, seen, signal);
    at += view.length;
    if (every !== undefined && at < end) await wait(every, undefined, { signal });
  }
}

async function hold({ hold: time }: Script, { released }: ProbeState, signal: AbortSignal): Promise<void> {
  if (time !== undefined) return wait(time, undefined, { signal });
  await Promise.race([released, wait(MAX_HOLD_MS, undefined, { signal, ref: false })]);
}

/** Resolves when the kernel has accepted the bytes. Rejects when the connection is closed. */
async function write(
  response: ServerResponse,
  view: Buffer,
  seen: Observation['response'],
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now();
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error('The connection is closed'));
    if (signal.aborted) return fail();
    signal.addEventListener('abort', fail, { once: true });
    response.write(view, (error) => {
      signal.removeEventListener('abort', fail);
      if (error) reject(error);
      else resolve();
    });
  });
  seen.bytes += view.length;
  seen.longestStallMs = Math.max(seen.longestStallMs, Math.round(performance.now() - start));
}

/** Null for the whole content. */
function choosePart(
  request: IncomingMessage,
  { id, status }: Script,
  size: number,
): Part | 'unmodified' | 'unsatisfiable' | null {
  const { method, headers } = request;
  if (status !== undefined || (method !== 'GET' && method !== 'HEAD')) return null;
  const etag = etagOf(id);
  if (hasMatch(headers['if-none-match'], etag)) return 'unmodified';
  const ifRange = headers['if-range']?.toString();
  if (method !== 'GET' || !isSameRepresentation(ifRange, etag, LAST_MODIFIED)) return null;
  return readRange(headers.range, size);
}
