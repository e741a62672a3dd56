import { anywhere, cut, type Draw, inTheMiddle } from './draw.js';
import type { Expected, Fault } from './fault.js';
import { answerHonestly, retagged, withDigest, withOtherBytes } from './reply.js';

/** The server dies in the middle of its response and stays dead. `mirror` returns the answers of the mirrors. */
function survived(
  name: string,
  expected: Expected,
  mirror: NonNullable<Draw['later']>,
  draw: Draw = {},
): Fault {
  return {
    name,
    expected,
    line: 'mirrored',
    draw: {
      first: cut(inTheMiddle, 'fin'),
      later: (honest, context) => (context.site === 0 ? 'reset' : mirror(honest, context)),
      ...draw,
    },
  };
}

/** An origin server that has died, and other servers that have its files, or claim to. */
export const mirrors: readonly Fault[] = [
  {
    name: 'that resets every connection',
    expected: 'harmless',
    line: 'mirrored',
    draw: { first: () => 'reset', later: (honest, { site }) => (site === 0 ? 'reset' : honest) },
  },
  survived('that dies anywhere', 'healed', (honest) => honest, {
    first: cut(anywhere, 'fin', 'reset', 'stall'),
  }),
  survived('that dies, as the first mirror did', 'healed', (honest, { site }) =>
    site === 1 ? 'reset' : honest,
  ),
  survived(
    'that dies, and the first mirror dies a little later',
    'healed',
    (honest, { site, attempt, dice }) => {
      if (site !== 1) return honest;
      // Not forever: a server that breaks ten times per second is asked less and less often.
      return attempt < 6 ? cut(anywhere, 'fin')(honest, dice) : 'reset';
    },
  ),
  survived(
    'that dies, and the mirrors have another version of the file',
    'visible',
    (_honest, { file, request }) =>
      answerHonestly({ ...file, isReplaced: true, etag: '"version-2"' }, request),
  ),
  survived(
    'that dies, and the mirrors have a file of another length under the same ETag',
    'visible',
    (_honest, { file, request }) => answerHonestly({ ...file, size: file.size + 1 }, request),
    { framings: ['length'] },
  ),
  survived(
    'that dies, and the mirrors have other entity tags, with a known digest',
    'healed',
    (honest) => retagged(honest, '"of the mirror"'),
    {
      framings: ['length'],
      first: (honest, dice) => cut(inTheMiddle, 'fin')(withDigest(honest, 'Repr-Digest', honest.file), dice),
    },
  ),
  survived(
    'that dies, and the mirrors have other bytes under the same ETag, with a known digest',
    'visible',
    (honest) => withOtherBytes(honest),
    {
      isVerified: true,
      framings: ['length'],
      first: (honest, dice) => cut(inTheMiddle, 'fin')(withDigest(honest, 'Repr-Digest', honest.file), dice),
    },
  ),
];
