import { seededBytes, seededViews } from '../../demo/seeded-content.js';
import { type Chain, NotTested, pause } from '../chain.js';
import type { Effort } from '../effort.js';
import type { Detection } from '../finding.js';
import type { ScriptOptions } from '../origin/script.js';
import { describeEnd, errorProduct, formatCount, type Probe } from '../probe.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const FINISH_MS = 10_000;

/**
 * The origin sends the beginning of a response, and the rest only after the client has it. A chain that holds the beginning
 * back is seen without a clock.
 */
async function isHeldBack(
  chain: Chain,
  script: ScriptOptions,
  size: number,
  { patienceMs }: Effort,
): Promise<boolean> {
  const id = chain.newId();
  const exchange = chain.content(id, { ...script, size, holdAt: size / 2 });
  if (await exchange.until(() => exchange.bytes >= size / 2, patienceMs)) {
    exchange.leave();
    return false;
  }
  await chain.release(id);
  const { how } = await exchange.finish(FINISH_MS);
  if (how !== 'complete' || exchange.bytes !== size)
    throw new NotTested(`the response that should have been held back ${describeEnd(exchange)}`);
  return true;
}

export const heldResponses: Probe = {
  name: 'held-responses',
  title: 'whether the beginning of a response arrives at once',
  kinds: ['response-buffered', 'events-buffered'],
  async run(chain, effort) {
    const [file, events] = await Promise.all([
      isHeldBack(chain, { framing: 'length' }, 2000, effort),
      isHeldBack(chain, { framing: 'chunked', type: 'events', plain: 1 }, 400, effort),
    ]);
    if (!file && !events) return [];
    return [
      {
        kind: file ? 'response-buffered' : 'events-buffered',
        message: file
          ? `The first bytes of a response are held back until more follow${events ? ', server-sent events too' : ''}`
          : 'Server-sent events are held back until more follow',
        evidence: { file, events },
      },
    ];
  },
};

/** How much the chain takes from the origin while the client reads nothing; the response is then left. */
async function takenAhead(
  chain: Chain,
  size: number,
  script: ScriptOptions,
  timeoutMs: number,
): Promise<number> {
  const id = chain.newId();
  const exchange = chain.content(id, { size, ...script }, { paused: true });
  const end = performance.now() + timeoutMs;
  let taken = 0;
  let quiet = 0;
  while (taken < size && quiet < QUIET_POLLS && performance.now() < end) {
    await pause(250);
    const [first] = await chain.report(id);
    const bytes = first?.response.bytes ?? 0;
    quiet = bytes === taken ? quiet + 1 : 0;
    taken = bytes;
  }
  const { head, ending } = exchange;
  exchange.leave();
  if (head === null || taken === 0) throw new NotTested('no response arrived');
  if (ending !== null && taken < size)
    throw new NotTested('the chain did not wait long enough for the client');
  return taken;
}

const QUIET_POLLS = 4;

/**
 * Slow enough that the kernel does not enlarge the buffers of its sockets: what the chain takes ahead is then the same each
 * time, but for what it stores itself.
 */
const paced: ScriptOptions = { piece: 32 * KiB, every: 4 };

/** What the sockets of a few hops hold together. More is stored somewhere. */
const SOCKETS_BYTES = 96 * MiB;

/** Differences that are smaller can be chance. */
const LEAST_FILE_BYTES = 512 * KiB;

/**
 * A chain that stores what a slow client has not read yet (nginx: in a temporary file). Once its store is full, the origin
 * waits until the client has read all of it, and origins give up after a minute or so: this is the download that is cut at
 * 1 GiB. nginx does not store a response that says `X-Accel-Buffering: no`, and so the comparison shows its file however
 * small.
 */
export const storedResponses: Probe = {
  name: 'stored-responses',
  title: 'how much of a download the chain stores for a slow client',
  kinds: ['response-stored'],
  isSlow: true,
  // It repeats its measurement itself.
  isExact: true,
  async run(chain, { name }) {
    const size = 24 * MiB;
    const compare = (): Promise<[number, number]> =>
      Promise.all([
        takenAhead(chain, size, paced, 20_000),
        takenAhead(chain, size, { ...paced, unbuffered: 1 }, 20_000),
      ]);
    const [taken, without] = await compare();
    const file = taken - without;
    if (file >= LEAST_FILE_BYTES) {
      // Twice, since other traffic can fill buffers too.
      const [again, withoutAgain] = taken === size ? [taken, without] : await compare();
      if (again - withoutAgain < LEAST_FILE_BYTES) return [];
      return [
        await describeFile(chain, Math.min(file, again - withoutAgain), taken === size, name === 'thorough'),
      ];
    }
    if (taken < size) return [];
    const all = await takenAhead(chain, SOCKETS_BYTES, {}, 20_000);
    if (all < SOCKETS_BYTES) return [];
    return [
      {
        kind: 'response-stored',
        message: `The chain stores at least ${formatCount(SOCKETS_BYTES)} bytes of a download that the client has not read`,
        evidence: { bytes: SOCKETS_BYTES, isLimit: false },
      },
    ];
  },
};

/** More than the 1 GiB of nginx. */
const THOROUGH_BYTES = 1200 * MiB;

async function describeFile(
  chain: Chain,
  bytes: number,
  isAll: boolean,
  isThorough: boolean,
): Promise<Detection> {
  let limit = isAll ? null : bytes;
  let least = bytes;
  if (isAll && isThorough) {
    const [taken, without] = await Promise.all([
      takenAhead(chain, THOROUGH_BYTES, {}, 120_000),
      takenAhead(chain, THOROUGH_BYTES, { unbuffered: 1 }, 30_000),
    ]);
    least = taken - without;
    if (taken < THOROUGH_BYTES) limit = least;
  }
  const size = limit === null ? `at least ${formatCount(least)}` : `about ${formatCount(roundMiB(limit))}`;
  return {
    kind: 'response-stored',
    message: `A temporary file takes in ${size} bytes that a slow client has not read${limit === null ? ' (1 GiB by default)' : ''}; when it is full, the origin waits until the client has read all of it, and an origin that does not wait cuts the download there`,
    evidence: { bytes: least, isLimit: limit !== null },
    product: 'nginx',
  };
}

/** What the sockets hold makes the measure inexact. */
function roundMiB(bytes: number): number {
  if (Math.abs(bytes - 1024 * MiB) < 16 * MiB) return 1024 * MiB;
  const unit = bytes < 16 * MiB ? MiB / 4 : MiB;
  return Math.round(bytes / unit) * unit;
}

/** Small enough for every limit that people set. */
const UPLOAD_BYTES = 768 * KiB;

/** Less than any buffer that a proxy fills before it sends, and more than most. */
const SMALL_BYTES = 1000;
const LARGE_BYTES = 64 * KiB;

/** Whether the origin gets an upload while the client sends it, and an early response reaches the client. */
export const heldUploads: Probe = {
  name: 'held-uploads',
  title: 'whether uploads, and early responses to them, arrive at once',
  kinds: ['upload-buffered', 'upload-start-held', 'early-response-lost', 'early-response-held'],
  async run(chain, effort) {
    const [small, withLength, chunked, early] = await Promise.all([
      holdUpload(chain, UPLOAD_BYTES, SMALL_BYTES, effort),
      holdUpload(chain, UPLOAD_BYTES, LARGE_BYTES, effort),
      holdUpload(chain, 'chunked', LARGE_BYTES, effort),
      answerEarly(chain, effort),
    ]);
    const found: Detection[] = [];
    const isBuffered = withLength || chunked;
    if (isBuffered) {
      found.push({
        kind: 'upload-buffered',
        message: `Uploads${withLength ? '' : ' in chunks'} reach the origin only when the client has sent all of them`,
        evidence: { withLength, chunked },
      });
    } else if (small) {
      found.push({
        kind: 'upload-start-held',
        message: `The first ${formatCount(SMALL_BYTES)} bytes of an upload are held back until more follow`,
        evidence: { bytes: SMALL_BYTES },
      });
    }
    // A chain that waits for the upload cannot pass on a response to its beginning.
    if (early !== null && (early.kind === 'early-response-lost' || !isBuffered)) found.push(early);
    return found;
  },
};

async function holdUpload(
  chain: Chain,
  content: number | 'chunked',
  first: number,
  { patienceMs }: Effort,
): Promise<boolean> {
  const id = chain.newId();
  const exchange = chain.content(id, {}, { method: 'POST', content });
  await exchange.send(seededBytes(id, 0, first));
  const isSeen = ([seen]: readonly { content: { bytes: number } }[]): boolean =>
    (seen?.content.bytes ?? 0) > 0;
  if (isSeen(await chain.seen(id, isSeen, patienceMs))) {
    exchange.leave();
    return false;
  }
  for (const view of seededViews(id, first, UPLOAD_BYTES - first)) await exchange.send(view);
  exchange.endRequest();
  await exchange.finish(FINISH_MS);
  // Refused uploads are the affair of another probe.
  return isSeen(await chain.report(id));
}

async function answerEarly(chain: Chain, { patienceMs }: Effort): Promise<Detection | null> {
  const id = chain.newId();
  const exchange = chain.content(
    id,
    { respond: 'first', status: 403, size: 100 },
    { method: 'POST', content: UPLOAD_BYTES },
  );
  await exchange.send(seededBytes(id, 0, LARGE_BYTES));
  if (await exchange.until(() => exchange.head !== null, patienceMs)) {
    const status = exchange.head?.status ?? 0;
    exchange.leave();
    return status === 403 ? null : lost(`it gets ${status}`, status);
  }
  for (const view of seededViews(id, LARGE_BYTES, UPLOAD_BYTES - LARGE_BYTES)) await exchange.send(view);
  if (exchange.ending === null) exchange.endRequest();
  await exchange.finish(FINISH_MS);
  const { head } = exchange;
  const [first] = await chain.report(id);
  if (first === undefined) return null;
  if (head?.status !== 403)
    return lost(`the upload ${describeEnd(exchange)}`, head?.status ?? null, errorProduct(exchange));
  return {
    kind: 'early-response-held',
    message: 'A response that the origin sends during an upload reaches the client only after the upload',
    evidence: { status: head.status },
  };
}

const lost = (how: string, status: number | null, product: Detection['product'] = null): Detection => ({
  kind: 'early-response-lost',
  message: `A response that the origin sends during an upload is lost: ${how}`,
  evidence: { status },
  product,
});
