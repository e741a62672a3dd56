import type { Dice } from '../../support/dice.js';
import { cut, type Draw, inTheMiddle } from './draw.js';
import type { Fault } from './fault.js';
import { answerHonestly, type LabFile, type Reply, withDigest, withOtherBytes } from './reply.js';

const FIELDS = ['Repr-Digest', 'Content-Digest'] as const;

/** The first answer has the digest of the file. `change` then modifies it. */
const digested =
  (change: (reply: Reply, dice: Dice) => Reply): NonNullable<Draw['first']> =>
  (honest, dice) =>
    change(withDigest(honest, dice.pick(FIELDS), honest.file), dice);

const NO_VALIDATOR: Partial<LabFile> = { etag: null };

/** Files whose digest the origin server sends. */
export const digests: readonly Fault[] = [
  { name: 'that is correct', expected: 'harmless', draw: { first: digested((reply) => reply) } },
  {
    name: 'but with other bytes',
    expected: 'verified',
    draw: { isVerified: true, first: digested(withOtherBytes) },
  },
  {
    name: 'but with one byte changed',
    expected: 'verified',
    draw: {
      isVerified: true,
      first: digested((reply, dice) => {
        const content = Buffer.from(reply.content);
        const at = dice.roll(content.length);
        content[at] = (content[at] as number) ^ 1;
        return { ...reply, content };
      }),
    },
  },
  {
    name: 'cut, then continued with other bytes under the same ETag',
    expected: 'visible',
    draw: {
      isVerified: true,
      first: digested(cut(inTheMiddle, 'fin')),
      later: (honest) => withOtherBytes(honest),
    },
  },
  {
    name: 'but no validator, cut',
    expected: 'healed',
    draw: { file: NO_VALIDATOR, framings: ['length'], first: digested(cut(inTheMiddle, 'fin', 'reset')) },
  },
  {
    name: 'but no validator, cut, and the file was replaced meanwhile',
    expected: 'visible',
    draw: {
      isVerified: true,
      file: NO_VALIDATOR,
      framings: ['length'],
      first: digested(cut(inTheMiddle, 'fin')),
      later: (_honest, { file, request }) => answerHonestly({ ...file, isReplaced: true }, request),
    },
  },
];
