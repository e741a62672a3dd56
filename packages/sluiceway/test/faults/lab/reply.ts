import { createHash } from 'node:crypto';
import { type Seed, seededBytes } from '../../support/content.js';
import type { RequestHead } from '../../support/message-head.js';
import { toChunk } from '../../support/through.js';

export type Framing = 'length' | 'chunked' | 'close';

/** A file of the laboratory's origin server. Null: it has no such validator. */
export interface LabFile {
  seed: Seed;
  size: number;
  framing: Framing;
  etag: string | null;
  lastModified: string | null;
  /** It has been replaced: every byte differs. */
  isReplaced?: boolean;
}

/**
 * How an origin server breaks a response off. `unannounced`: a FIN under TLS without close_notify. `garbage`: no end, but
 * bytes that are not part of the message.
 */
export type CutHow = 'fin' | 'reset' | 'unannounced' | 'stall' | 'trickle' | 'garbage';

/** A response to send, with its faults. */
export interface Reply {
  /** The file that it carries. */
  file: LabFile;
  status: number;
  /** Field lines (`Name: value`) except those of the framing. */
  lines: readonly string[];
  content: Buffer;
  framing: Framing;
  /** The range of the file that a 206 carries, with an exclusive end. */
  range: readonly [number, number] | null;
  /** Where the framed content is cut, in bytes; null: it is not. */
  cut: { at: number; how: CutHow } | null;
}

/** A connection that is reset in place of an answer. */
export type Answer = Reply | 'reset';

const NOW = 'Thu, 01 Oct 2026 12:00:00 GMT';

/** The answer of an origin server without a fault (RFC 9110, sections 13.1.1, 13.1.5 and 14). */
export function answerHonestly(file: LabFile, request: RequestHead): Reply {
  const reply = answerWhole(file, request);
  const range = request.get('range');
  if (reply.status !== 200 || request.method !== 'GET') return reply;
  if (range === undefined || !ifRangeHolds(file, request)) return reply;
  const ranges = parseRanges(range, file.size);
  const [first] = ranges;
  if (first === undefined) return refuse(416, [contentRange(null, file.size)]);
  if (ranges.length > 1) return multipart(reply, ranges);
  const [from, end] = first;
  return {
    ...reply,
    status: 206,
    lines: [...reply.lines, contentRange([from, end], file.size)],
    content: reply.content.subarray(from, end),
    range: first,
  };
}

const contents = new WeakMap<LabFile, Buffer>();

function contentOf(file: LabFile): Buffer {
  const known = contents.get(file);
  if (known !== undefined) return known;
  const bytes = seededBytes(file.seed, 0, file.size);
  const content = file.isReplaced ? invert(bytes) : bytes;
  contents.set(file, content);
  return content;
}

const invert = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0xff));

/** The answer of an origin server without range support. */
export function answerWhole(file: LabFile, request: RequestHead): Reply {
  const ifMatch = request.get('if-match');
  if (ifMatch !== undefined && (ifMatch !== file.etag || !ifMatch.startsWith('"'))) return refuse(412);
  return {
    file,
    status: 200,
    lines: [
      `Date: ${NOW}`,
      'Accept-Ranges: bytes',
      'Content-Type: application/octet-stream',
      ...(file.etag === null ? [] : [`ETag: ${file.etag}`]),
      ...(file.lastModified === null ? [] : [`Last-Modified: ${file.lastModified}`]),
    ],
    content: contentOf(file),
    framing: file.framing,
    range: null,
    cut: null,
  };
}

const NO_FILE: LabFile = { seed: 0, size: 0, framing: 'length', etag: null, lastModified: null };

/** An answer that carries its own text and no part of the file. */
export function refuse(status: number, lines: readonly string[] = []): Reply {
  return {
    file: NO_FILE,
    status,
    lines: [`Date: ${NOW}`, ...lines],
    content: Buffer.from(`This is not the file, but a ${status}.`),
    framing: 'length',
    range: null,
    cut: null,
  };
}

/** A Content-Range line for bytes from `range[0]` up to, but not including, `range[1]`. Null: an unsatisfied range. */
export function contentRange(range: readonly [number, number] | null, size: number | '*'): string {
  return `Content-Range: bytes ${range === null ? '*' : `${range[0]}-${range[1] - 1}`}/${size}`;
}

/** Replaces the lines with `name` by `line`. Null removes them. */
export function withLine(lines: readonly string[], name: string, line: string | null): string[] {
  const kept = lines.filter((each) => !each.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line === null ? kept : [...kept, line];
}

/** The same answer with a digest (RFC 9530) of a whole file. */
export function withDigest(reply: Reply, field: 'Repr-Digest' | 'Content-Digest', file: LabFile): Reply {
  const digest = createHash('sha256')
    .update(seededBytes(file.seed, 0, file.size))
    .digest('base64');
  return { ...reply, lines: [...reply.lines, `${field}: sha-256=:${digest}:`] };
}

/** The same answer, with bytes of another file. */
export function withOtherBytes(reply: Reply): Reply {
  return { ...reply, content: invert(reply.content) };
}

/** The same answer with another entity tag. Null: without one. */
export function retagged(reply: Reply, etag: string | null): Reply {
  return { ...reply, lines: withLine(reply.lines, 'ETag', etag === null ? null : `ETag: ${etag}`) };
}

function ifRangeHolds(file: LabFile, request: RequestHead): boolean {
  const value = request.get('if-range');
  if (value === undefined) return true;
  if (value.startsWith('"')) return value === file.etag;
  return value === file.lastModified;
}

/** The ranges that can be satisfied, each with an exclusive end. */
function parseRanges(value: string, size: number): [number, number][] {
  const ranges = value.replace(/^bytes=/, '').split(',');
  return ranges.flatMap((each): [number, number][] => {
    const [, first, last] = /^ *(\d*)-(\d*) *$/.exec(each) ?? [];
    if (first === undefined || last === undefined) throw new Error(`The laboratory has no range ${value}`);
    const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
    return from < end ? [[from, end]] : [];
  });
}

const BOUNDARY = 'PARTS';

function multipart(reply: Reply, ranges: readonly [number, number][]): Reply {
  const parts = ranges.flatMap(([from, end]) => [
    Buffer.from(`\r\n--${BOUNDARY}\r\n${contentRange([from, end], reply.content.length)}\r\n\r\n`),
    reply.content.subarray(from, end),
  ]);
  return {
    ...reply,
    status: 206,
    lines: withLine(reply.lines, 'Content-Type', `Content-Type: multipart/byteranges; boundary=${BOUNDARY}`),
    content: Buffer.concat([...parts, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]),
  };
}

interface Frame {
  bytes: Buffer;
  /** Offsets of the lines with chunk sizes. */
  chunkHeads: readonly number[];
}

const chunked = new WeakMap<Buffer, Frame>();

/** The bytes between head and end of a response. */
export function frame({ framing, content }: Reply): Frame {
  if (framing !== 'chunked') return { bytes: content, chunkHeads: [] };
  const known = chunked.get(content) ?? toChunks(content);
  chunked.set(content, known);
  return known;
}

/** Chunks of many sizes, some smaller and some larger than a read. */
function toChunks(content: Buffer): Frame {
  const parts: Buffer[] = [];
  const chunkHeads: number[] = [];
  let length = 0;
  for (let at = 0, size = 1; at < content.length; at += size, size = (size * 7) % 100_003) {
    const chunk = toChunk(content.subarray(at, at + size));
    chunkHeads.push(length);
    parts.push(chunk);
    length += chunk.length;
  }
  return { bytes: Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]), chunkHeads };
}

export function formatHead(reply: Reply): string {
  const framing =
    reply.framing === 'length'
      ? [`Content-Length: ${reply.content.length}`]
      : reply.framing === 'chunked'
        ? ['Transfer-Encoding: chunked']
        : [];
  // A proxy may reuse a connection after a complete response, so announce it if the connection ends then.
  const endsWhole = reply.cut !== null && reply.cut.at >= frame(reply).bytes.length;
  const close = reply.framing === 'close' || endsWhole ? ['Connection: close'] : [];
  return [`HTTP/1.1 ${reply.status} Lab`, ...framing, ...close, ...reply.lines, '', ''].join('\r\n');
}
