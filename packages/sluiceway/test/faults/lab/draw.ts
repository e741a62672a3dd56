import type { Dice } from '../../support/dice.js';
import type { RequestHead } from '../../support/message-head.js';
import type { Download } from './origin.js';
import { type Answer, type CutHow, type Framing, frame, type LabFile, type Reply, refuse } from './reply.js';

export const STRONG = '"version-1"';

/** Where a response is cut, as an offset into the framed content. `run` counts the runs of one fault. */
export type CutAt = (reply: Reply, dice: Dice, run: number) => number;

export interface Draw {
  /** Fixed properties of the file. The others are drawn. */
  file?: Partial<LabFile>;
  framings?: readonly Framing[];
  sizes?: readonly number[];
  method?: Download['method'];
  isVerified?: boolean;
  isSlow?: boolean;
  /** The client's field lines. */
  lines?: (file: LabFile, dice: Dice) => string[];
  /** The first answer. Default: the correct one. */
  first?: (honest: Reply, dice: Dice, run: number) => Answer;
  /** Each further answer, with `attempt` from 1, and `site` from 1 for mirrors. Default: the correct one. */
  later?: (
    honest: Reply,
    context: { attempt: number; site: number; request: RequestHead; dice: Dice; file: LabFile },
  ) => Answer;
}

const SIZES = [2, 1000, 65_536, 70_001, 300_000];

/** Draws a download. The same dice give the same download. */
export function drawDownload(draw: Draw, dice: Dice, run: number): Download {
  const file: LabFile = {
    seed: dice.roll(1_000_000),
    size: dice.pick(draw.sizes ?? SIZES),
    framing: dice.pick(draw.framings ?? (['length', 'chunked'] as const)),
    etag: STRONG,
    lastModified: null,
    ...draw.file,
  };
  const lines = draw.lines?.(file, dice) ?? [];
  const { first = (honest: Reply) => honest, later = (honest: Reply) => honest } = draw;
  const told: string[] = [`${file.framing} ${file.size} ${lines.join()}`];
  return {
    file,
    method: draw.method ?? 'GET',
    lines,
    isVerified: draw.isVerified ?? false,
    isSlow: draw.isSlow ?? false,
    answer(honest, { attempt, site, request }) {
      const answer =
        attempt === 0 ? first(honest, dice, run) : later(honest, { attempt, site, request, dice, file });
      told.push(`${site}: ${describe(answer, request)}`);
      return answer;
    },
    get told() {
      return told.join('; ');
    },
  };
}

function describe(answer: Answer, request: RequestHead): string {
  const asked = request.get('range') ?? 'all';
  if (answer === 'reset') return `${asked}: reset`;
  return `${asked}: ${answer.status}, ${answer.cut === null ? 'to the end' : `${answer.cut.how} at ${answer.cut.at} of ${frame(answer).bytes.length}`}`;
}

/** Breaks an answer off. */
export function cut(at: CutAt, ...hows: readonly CutHow[]) {
  return (reply: Reply, dice: Dice, run = 0): Reply => ({
    ...reply,
    cut: { at: at(reply, dice, run), how: dice.pick(hows) },
  });
}

/** Anywhere, including the start, and excluding the very end. */
export const anywhere: CutAt = (reply, dice) => dice.roll(frame(reply).bytes.length);

/** After at least one byte of the file, and before the last one. */
export const inTheMiddle: CutAt = (reply, dice) => {
  const { bytes } = frame(reply);
  const [first, last] = reply.framing === 'chunked' ? [4, bytes.length - 8] : [1, bytes.length - 1];
  return first + dice.roll(last - first + 1);
};

/** Anywhere before the last byte of the file. A chunked response can also be cut between that byte and its end. */
export const beforeLastByte: CutAt = (reply, dice) => {
  const { bytes } = frame(reply);
  return dice.roll(reply.framing === 'chunked' ? bytes.length - '\r\n0\r\n\r\n'.length : bytes.length);
};

/** In the line that begins a chunk, after its first byte or later. */
export const inChunkHead: CutAt = (reply, dice) => {
  const { bytes, chunkHeads } = frame(reply);
  const head = dice.pick(chunkHeads);
  return head + 1 + dice.roll(bytes.indexOf('\r\n', head) + 1 - head);
};

/** `bytes` bytes before the end of the framed content. */
export function beforeEnd(bytes: number): CutAt {
  return (reply) => Math.max(0, frame(reply).bytes.length - bytes);
}

/** The rest begins with up to 4 KiB that the proxy compares with what it has delivered, plus the chunk framing of those. */
const PROOF_BYTES = 4096 + 100;

/** Past the proof, so that the client gets at least one more byte. Not cut if there is nothing after the proof. */
function pastProof(reply: Reply, dice: Dice): Reply {
  const last = frame(reply).bytes.length - 8;
  if (last <= PROOF_BYTES) return reply;
  return { ...reply, cut: { at: PROOF_BYTES + dice.roll(last - PROOF_BYTES), how: 'fin' } };
}

/** At most two consecutive attempts fail: the third one brings new bytes, and the seventh one the rest. */
export function failAtRandom(
  honest: Reply,
  { attempt, dice }: Parameters<NonNullable<Draw['later']>>[1],
): Answer {
  if (attempt >= 7) return honest;
  if (attempt % 3 === 0) return pastProof(honest, dice);
  return dice.pick([
    (): Answer => 'reset',
    () => refuse(503, ['Retry-After: 0']),
    () => refuse(500),
    () => cut(() => 0, 'fin', 'reset')(honest, dice),
    () => cut(anywhere, 'fin', 'reset')(honest, dice),
    () => honest,
  ])();
}
