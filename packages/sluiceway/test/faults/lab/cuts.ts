import { anywhere, beforeEnd, type CutAt, cut, failAtRandom, inChunkHead, inTheMiddle } from './draw.js';
import type { Fault } from './fault.js';
import { frame, refuse } from './reply.js';

/** Somewhere in the first part, so that enough is left for further cuts. */
const early: CutAt = (reply, dice) => 10 + dice.roll(frame(reply).bytes.length / 16);

/** Cuts of files with a strong validator, on an origin server that supports ranges. */
export const cuts: readonly Fault[] = [
  {
    name: 'cut before the first byte',
    expected: 'healed',
    draw: { first: cut(() => 0, 'fin', 'reset') },
  },
  {
    name: 'cut after one byte',
    expected: 'healed',
    draw: { first: cut(() => 1, 'fin', 'reset') },
  },
  {
    name: 'cut inside the header of a chunk',
    expected: 'healed',
    draw: { framings: ['chunked'], first: cut(inChunkHead, 'fin', 'reset') },
  },
  {
    name: 'cut after each power of two',
    expected: 'healed',
    draw: { sizes: [2 ** 18 + 1], first: cut((_reply, _dice, run) => 2 ** (run % 19), 'fin', 'reset') },
  },
  {
    name: 'cut before the last byte',
    expected: 'healed',
    draw: { first: cut(beforeEnd(1), 'fin', 'reset') },
  },
  {
    name: 'closed exactly at the end of its Content-Length',
    expected: 'harmless',
    draw: { framings: ['length'], first: cut(beforeEnd(0), 'fin') },
  },
  {
    name: 'reset exactly at the end of its Content-Length',
    expected: 'racing',
    draw: { framings: ['length'], first: cut(beforeEnd(0), 'reset') },
  },
  {
    name: 'cut between the last byte and the last chunk',
    expected: 'healed',
    draw: { framings: ['chunked'], first: cut(beforeEnd('0\r\n\r\n'.length), 'fin', 'reset') },
  },
  {
    name: 'ended by FIN anywhere',
    expected: 'healed',
    draw: { first: cut(anywhere, 'fin') },
  },
  {
    name: 'ended by RST anywhere',
    expected: 'healed',
    draw: { first: cut(anywhere, 'reset') },
  },
  {
    name: 'over TLS, ended by close_notify anywhere',
    expected: 'healed',
    line: 'secure',
    draw: { first: cut(anywhere, 'fin') },
  },
  {
    name: 'over TLS, ended without close_notify anywhere',
    expected: 'healed',
    line: 'secure',
    draw: { first: cut(anywhere, 'unannounced', 'reset') },
  },
  {
    name: 'that stalls anywhere',
    expected: 'healed',
    draw: { first: cut(anywhere, 'stall') },
  },
  {
    name: 'that slows down to 20 bytes per second',
    expected: 'healed',
    slow: true,
    draw: { sizes: [70_001, 300_000], framings: ['length'], first: cut(early, 'trickle') },
  },
  {
    name: 'cut 8 times in a row, each time further on',
    expected: 'healed',
    draw: {
      sizes: [65_536, 70_001, 300_000],
      first: cut(early, 'fin', 'reset'),
      later: (honest, { attempt, dice }) => (attempt < 8 ? cut(early, 'fin', 'reset')(honest, dice) : honest),
    },
  },
  {
    name: 'cut anywhere, and the next connection is reset',
    expected: 'healed',
    draw: {
      first: cut(anywhere, 'fin'),
      later: (honest, { attempt }) => (attempt === 1 ? 'reset' : honest),
    },
  },
  {
    name: 'cut anywhere, and the next answer is 503 with Retry-After',
    expected: 'healed',
    draw: {
      first: cut(inTheMiddle, 'fin'),
      later: (honest, { attempt }) => (attempt === 1 ? refuse(503, ['Retry-After: 1']) : honest),
    },
  },
  {
    name: 'that fails several times, each time in a random way',
    expected: 'healed',
    draw: { first: cut(anywhere, 'fin', 'reset'), later: failAtRandom },
  },
  {
    name: 'cut anywhere, with no ETag and a Last-Modified long before Date',
    expected: 'healed',
    draw: {
      file: { etag: null, lastModified: 'Tue, 01 Sep 2026 12:00:00 GMT' },
      first: cut(inTheMiddle, 'fin', 'reset'),
    },
  },
];
