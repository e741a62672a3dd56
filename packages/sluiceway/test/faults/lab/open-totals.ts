import { anywhere, cut, inTheMiddle } from './draw.js';
import type { Section } from './fault.js';
import { contentRange, type LabFile, type Reply, withLine } from './reply.js';

/** The same part, with an unknown total length. */
function withOpenTotal(reply: Reply): Reply {
  if (reply.range === null) return reply;
  return { ...reply, lines: withLine(reply.lines, 'Content-Range', contentRange(reply.range, '*')) };
}

/** Parts of files whose total length the origin server does not send: `bytes 3-5/*`. Not in the table. */
export const openTotals: Section = {
  heading: 'The length of the file is left open',
  begins: 'a response',
  sources: 'RFC 9110 14.4; undici',
  faults: [
    {
      name: 'for a range of a file of unsaid length, cut anywhere',
      expected: 'healed',
      draw: {
        sizes: [1000, 70_001],
        lines: ({ size }: LabFile, dice) => [`Range: bytes=0-${1 + dice.roll(size - 1)}`],
        first: (honest, dice) => cut(anywhere, 'fin', 'reset')(withOpenTotal(honest), dice),
      },
    },
    {
      name: 'that is cut and followed by a 206 which does not say how long the file is',
      expected: 'healed',
      draw: { framings: ['length'], first: cut(inTheMiddle, 'fin'), later: withOpenTotal },
    },
  ],
};
