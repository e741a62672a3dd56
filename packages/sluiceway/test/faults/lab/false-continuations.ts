import { cut, type Draw, inTheMiddle, STRONG } from './draw.js';
import type { Fault } from './fault.js';
import {
  answerWhole,
  contentRange,
  type Reply,
  refuse,
  retagged,
  withLine,
  withOtherBytes,
} from './reply.js';

/** The first response is cut. `later` turns the correct further answers into those that are sent. */
function continuedBy(name: string, later: NonNullable<Draw['later']>, draw: Draw = {}): Fault {
  return {
    name,
    expected: 'visible',
    // A FIN, so that the bytes before it arrive: otherwise there is nothing to continue from.
    draw: { first: cut(inTheMiddle, 'fin'), later, ...draw },
  };
}

/** Bytes of another file, with the Content-Range that `change` returns. */
function saysRange(
  reply: Reply,
  change: (from: number, end: number) => readonly [number, number],
  size: number,
): Reply {
  if (reply.range === null) return reply;
  return {
    ...withOtherBytes(reply),
    lines: withLine(reply.lines, 'Content-Range', contentRange(change(...reply.range), size)),
  };
}

/** Answers to the request for the rest that are of another file, do not prove to be of the same one, or are not the rest. */
export const falseContinuations: readonly Fault[] = [
  continuedBy('a 206 whose range begins one byte late', (honest, { file }) =>
    saysRange(honest, (from, end) => [from + 1, end], file.size),
  ),
  continuedBy('a 206 with the file from its start', (honest, { file }) =>
    saysRange(honest, (_from, end) => [0, end], file.size),
  ),
  continuedBy('a 206 whose range ends beyond the file', (honest, { file }) =>
    saysRange(honest, (from, end) => [from, end + 1], file.size),
  ),
  continuedBy('a 206 of a file of another length', (honest, { file }) =>
    saysRange(honest, (from, end) => [from, end], file.size + 1),
  ),
  continuedBy('a 206 without Content-Range', (honest) => ({
    ...withOtherBytes(honest),
    lines: withLine(honest.lines, 'Content-Range', null),
  })),
  continuedBy(
    'a 206 with more content than its range',
    (honest) => ({ ...honest, content: Buffer.concat([honest.content, Buffer.from('HTTP/1.1 200 OK\r\n')]) }),
    { framings: ['length'] },
  ),
  continuedBy('a 206 of several parts', (honest) => ({
    ...withOtherBytes(honest),
    lines: withLine(
      withLine(honest.lines, 'Content-Range', null),
      'Content-Type',
      'Content-Type: multipart/byteranges; boundary=PARTS',
    ),
  })),
  continuedBy('a 206 with another content coding', (honest) => ({
    ...withOtherBytes(honest),
    lines: [...honest.lines, 'Content-Encoding: gzip'],
  })),
  continuedBy('a 206 with another strong ETag', (honest) => retagged(withOtherBytes(honest), '"version-2"')),
  continuedBy('a 206 with a weak ETag', (honest) => retagged(withOtherBytes(honest), `W/${STRONG}`)),
  continuedBy('a 206 without an ETag', (honest) => retagged(withOtherBytes(honest), null)),
  {
    ...continuedBy(
      'a 200 of the same file (ranges are not honoured)',
      (_honest, { file, request }) => answerWhole(file, request),
      { framings: ['length'] },
    ),
    expected: 'healed',
  },
  continuedBy('a 200 of another file that has replaced it', (_honest, { file, request }) =>
    answerWhole({ ...file, isReplaced: true, etag: '"version-2"' }, request),
  ),
  continuedBy('a 416 in the middle of the file', (_honest, { file }) =>
    refuse(416, [contentRange(null, file.size)]),
  ),
  continuedBy(
    'a 416 with a smaller total',
    (_honest, { file }) => refuse(416, [contentRange(null, file.size - 1)]),
    { framings: ['length'] },
  ),
  continuedBy('404 (Not Found)', () => refuse(404)),
  continuedBy('500 (Internal Server Error), repeatedly', () => refuse(500)),
  continuedBy('503 (Service Unavailable), repeatedly', () => refuse(503, ['Retry-After: 0'])),
  continuedBy('a redirect to a missing file', () => refuse(302, ['Location: /elsewhere'])),
  continuedBy('resets of all further connections', () => 'reset'),
  continuedBy('cuts before the first byte, repeatedly', (honest, { dice }) =>
    cut(() => 0, 'fin', 'reset')(honest, dice),
  ),
];
