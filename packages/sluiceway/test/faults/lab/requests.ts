import type { Dice } from '../../support/dice.js';
import { anywhere, beforeEnd, beforeLastByte, cut, type Draw, inTheMiddle, STRONG } from './draw.js';
import type { Expected, Fault } from './fault.js';
import { contentRange, type LabFile, refuse, withLine } from './reply.js';

const SIZES = [1000, 65_536, 70_001, 300_000];

/** A range of at least two bytes. */
function drawRange(file: LabFile, dice: Dice): string {
  const from = dice.roll(file.size - 2);
  return `Range: bytes=${from}-${from + 1 + dice.roll(file.size - from - 2)}`;
}

function ranged(name: string, lines: NonNullable<Draw['lines']>, expected: Expected = 'healed'): Fault {
  return { name, expected, draw: { sizes: SIZES, lines, first: cut(beforeLastByte, 'fin', 'reset') } };
}

const several = (file: LabFile): string[] => [`Range: bytes=0-9,20-${file.size - 1}`];

/** Requests for a part of a file, and requests that are not a plain GET. */
export const requests: readonly Fault[] = [
  ranged('for a range (bytes=a-b), cut anywhere', (file, dice) => [drawRange(file, dice)]),
  ranged('for a range from the start (bytes=0-b), cut anywhere', (file, dice) => [
    `Range: bytes=0-${1 + dice.roll(file.size - 1)}`,
  ]),
  ranged('for a range to the end (bytes=a-), cut anywhere', (file, dice) => [
    `Range: bytes=${dice.roll(file.size - 1)}-`,
  ]),
  ranged('for the last bytes (bytes=-n), cut anywhere', (file, dice) => [
    `Range: bytes=-${2 + dice.roll(file.size - 2)}`,
  ]),
  ranged('for a range on a condition that holds (If-Range), cut anywhere', (file, dice) => [
    drawRange(file, dice),
    `If-Range: ${STRONG}`,
  ]),
  ranged('for a range on a condition that does not hold (If-Range), cut anywhere', (file, dice) => [
    drawRange(file, dice),
    'If-Range: "version-0"',
  ]),
  {
    name: 'for a range (bytes=a-b), cut between its last byte and the last chunk',
    // The client has every byte that the Content-Range promises before the break.
    expected: 'racing',
    draw: {
      sizes: SIZES,
      framings: ['chunked'],
      lines: (file, dice) => [drawRange(file, dice)],
      first: cut(beforeEnd('0\r\n\r\n'.length), 'fin', 'stall'),
      later: () => refuse(404),
    },
  },
  {
    name: 'for a range (bytes=a-b), cut, then continued beyond its end',
    expected: 'visible',
    draw: {
      sizes: SIZES,
      framings: ['length'],
      lines: (file, dice) => [drawRange({ ...file, size: file.size - 100 }, dice)],
      first: cut(inTheMiddle, 'fin'),
      later: (honest, { file }) =>
        honest.range === null
          ? honest
          : {
              ...honest,
              lines: withLine(
                honest.lines,
                'Content-Range',
                contentRange([honest.range[0], honest.range[1] + 1], file.size),
              ),
              content: Buffer.concat([honest.content, Buffer.from('!')]),
            },
    },
  },
  { name: 'for several ranges', expected: 'harmless', draw: { sizes: SIZES, lines: several } },
  {
    name: 'for several ranges, cut anywhere',
    expected: 'visible',
    draw: { sizes: SIZES, lines: several, first: cut(anywhere, 'fin', 'reset') },
  },
  {
    name: 'to HEAD, with Content-Length',
    expected: 'harmless',
    draw: { method: 'HEAD', framings: ['length'] },
  },
  {
    name: 'to POST, cut anywhere',
    expected: 'visible',
    draw: { method: 'POST', first: cut(anywhere, 'fin', 'reset') },
  },
];
