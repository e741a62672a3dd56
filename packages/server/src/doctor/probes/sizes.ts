import { seededViews } from '../../demo/seeded-content.js';
import { type Chain, NotTested } from '../chain.js';
import type { Effort } from '../effort.js';
import type { Exchange } from '../exchange.js';
import type { Detection } from '../finding.js';
import type { Observation } from '../origin/observation.js';
import { describeEnd, errorProduct, formatCount, type Probe } from '../probe.js';

/** A large download, compared byte by byte. */
export const largeDownload: Probe = {
  name: 'large-download',
  title: 'whether a large download arrives whole',
  kinds: ['download-cut', 'content-changed'],
  async run(chain, { downloadBytes, transferMs }) {
    const id = chain.newId();
    const exchange = chain.content(
      id,
      { size: downloadBytes },
      { fields: { 'Accept-Encoding': 'identity' } },
    );
    const isTimely = await exchange.until(() => exchange.ending !== null, transferMs);
    const { bytes, firstWrongByte, head } = exchange;
    if (!isTimely && exchange.ending === null) exchange.leave();
    if (firstWrongByte !== null && head?.status === 200 && exchange.field('content-encoding') === null) {
      return [
        {
          kind: 'content-changed',
          message: `The content of a download is changed, from byte ${formatCount(firstWrongByte)} on`,
          evidence: { offset: firstWrongByte },
        },
      ];
    }
    if (exchange.ending?.how === 'left') {
      if (bytes > 0 && bytes < downloadBytes)
        throw new NotTested(
          `only ${formatCount(bytes)} of ${formatCount(downloadBytes)} bytes arrived in time`,
        );
      if (head === null) return [cut(exchange, downloadBytes)];
    }
    if (bytes === downloadBytes && head?.status === 200) return [];
    return [cut(exchange, downloadBytes)];
  },
};

function cut(exchange: Exchange, size: number): Detection {
  const { bytes, ending } = exchange;
  const looksWhole = ending?.how === 'complete' && exchange.head?.status === 200;
  const message =
    exchange.head?.status === 200
      ? `Downloads are cut after ${formatCount(bytes)} bytes${looksWhole ? ', and look whole' : ''}`
      : `A download of ${formatCount(size)} bytes ${describeEnd(exchange)}`;
  return {
    kind: 'download-cut',
    message,
    evidence: { bytes, of: size, looksWhole, status: exchange.head?.status ?? null },
    product: errorProduct(exchange),
  };
}

/** How much of an upload arrives, and as what. */
interface UploadResult {
  exchange: Exchange;
  /** Bytes that the doctor has sent. */
  sent: number;
  /** Bytes that the origin has got; null if it has not seen the request. */
  received: number | null;
  isIntact: boolean;
  isComplete: boolean;
  isTimely: boolean;
}

/** Sends so many bytes until the chain responds; `paced`, never many more than the origin has got. */
async function upload(
  chain: Chain,
  size: number,
  framing: 'length' | 'chunked',
  timeoutMs: number,
  paced: boolean,
): Promise<UploadResult> {
  const id = chain.newId();
  const exchange = chain.content(
    id,
    {},
    { method: 'POST', content: framing === 'chunked' ? 'chunked' : size },
  );
  let sent = 0;
  let isTimely = true;
  let isPaced = paced;
  const deadline = setTimeout(() => {
    isTimely = false;
    exchange.leave();
  }, timeoutMs);
  for (const view of seededViews(id, 0, size)) {
    for (let at = 0; at < view.length && exchange.head === null; at += PIECE_BYTES) {
      const piece = view.subarray(at, at + PIECE_BYTES);
      if (!(await exchange.send(piece))) break;
      sent += piece.length;
      if (isPaced) isPaced = await isFollowing(chain, id, sent);
    }
  }
  if (sent === size) exchange.endRequest();
  // An upload that was refused midway is not finished.
  await exchange.until(() => exchange.ending !== null, sent === size ? timeoutMs : REFUSAL_MS);
  clearTimeout(deadline);
  if (exchange.ending === null) exchange.leave();
  const [request] = await chain.seen(
    id,
    ([first]) => first?.content.isComplete === true,
    sent === size && (exchange.head?.status ?? 0) < 400 ? 500 : 0,
  );
  return {
    exchange,
    sent,
    received: request?.content.bytes ?? null,
    isIntact: request?.content.isIntact ?? true,
    isComplete: request?.content.isComplete ?? false,
    isTimely,
  };
}

/** Waits until the origin has got almost all that was sent. False for a chain that does not pass it on. */
async function isFollowing(chain: Chain, id: string, sent: number): Promise<boolean> {
  const follows = ([first]: readonly Observation[]): boolean =>
    (first?.content.bytes ?? 0) >= sent - PACED_BYTES;
  return follows(await chain.seen(id, follows, 1000));
}

/** Less than any chain keeps of an upload that the origin has not read. */
const PACED_BYTES = 192 * 1024;

/**
 * An upload that ends without a response, or with that of a proxy whose own request has failed, is sent again, paced: a limit
 * ends that, too, and Squid 5 closes an upload that the origin reads too slowly.
 */
async function uploadAgain(
  chain: Chain,
  size: number,
  framing: 'length' | 'chunked',
  timeoutMs: number,
): Promise<UploadResult> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await upload(chain, size, framing, timeoutMs, attempt > 1);
    const { head } = result.exchange;
    if ((head !== null && !isGatewayError(head.status)) || !result.isTimely || attempt === ATTEMPTS)
      return result;
  }
}

const ATTEMPTS = 3;

const isGatewayError = (status: number): boolean => status === 502 || status === 504;

const PIECE_BYTES = 64 * 1024;

/** How long the rest of a response to a refused upload can take. */
const REFUSAL_MS = 2000;

/** A large upload, with its length stated and in chunks. If it is refused, its limit is searched. */
export const largeUpload: Probe = {
  name: 'large-upload',
  title: 'whether a large upload arrives whole',
  kinds: ['upload-truncated', 'upload-limit', 'upload-changed', 'chunked-refused'],
  async run(chain, effort) {
    const whole = await uploadAgain(chain, effort.uploadBytes, 'length', effort.transferMs);
    const found = await judgeUpload(chain, whole, effort);
    const chunked = await uploadAgain(chain, CHUNKED_BYTES, 'chunked', effort.transferMs);
    if (isWhole(chunked, CHUNKED_BYTES) || !chunked.isTimely) return found;
    const { status } = chunked.exchange.head ?? {};
    if (status === 411 || status === 501) {
      return [
        ...found,
        {
          kind: 'chunked-refused',
          message: `An upload in chunks ${describeEnd(chunked.exchange)}`,
          evidence: { status },
          product: errorProduct(chunked.exchange),
        },
      ];
    }
    return found.length > 0 ? found : judgeUpload(chain, chunked, effort, CHUNKED_BYTES);
  },
};

/** More than the 10 MiB of Next.js. */
const CHUNKED_BYTES = 11 * 1024 * 1024;

const isWhole = ({ received, isComplete, isIntact, exchange }: UploadResult, size: number): boolean =>
  received === size && isComplete && isIntact && (exchange.head?.status ?? 500) < 400;

async function judgeUpload(
  chain: Chain,
  result: UploadResult,
  effort: Effort,
  size = effort.uploadBytes,
): Promise<Detection[]> {
  const { exchange, received, isComplete, isIntact, isTimely, sent } = result;
  if (isWhole(result, size)) return [];
  if (!isIntact)
    return [{ kind: 'upload-changed', message: 'The content of an upload is changed', evidence: { size } }];
  if (isComplete && received !== null && received < size) {
    return [
      {
        kind: 'upload-truncated',
        message: `Uploads are truncated at ${formatCount(received)} bytes, and look whole to the origin`,
        evidence: { bytes: received, of: size },
      },
    ];
  }
  if (!isTimely)
    throw new NotTested(`only ${formatCount(sent)} of ${formatCount(size)} bytes were taken in time`);
  const limit = await findLimit(chain, size, effort);
  const failure = describeEnd(exchange);
  return [
    {
      kind: 'upload-limit',
      message: `An upload of more than ${formatCount(limit)} bytes ${failure}`,
      evidence: { limit, status: exchange.head?.status ?? null, tried: size },
      product: errorProduct(exchange),
    },
  ];
}

/** The largest upload that arrives, by bisection. Limits that people set are tried first. */
async function findLimit(chain: Chain, refused: number, { transferMs }: Effort): Promise<number> {
  let most = 0;
  let least = refused;
  const passes = async (size: number): Promise<boolean> => {
    const result = await uploadAgain(chain, size, 'length', transferMs);
    return isWhole(result, size);
  };
  const guesses = usualLimits.filter((size) => size < refused);
  while (guesses.length > 0) {
    const middle = guesses.length >> 1;
    const guess = guesses[middle] ?? 0;
    const isPassed = await passes(guess);
    if (isPassed) most = guess;
    else least = guess;
    guesses.splice(...(isPassed ? ([0, middle + 1] as const) : ([middle, guesses.length] as const)));
  }
  // An usual limit that is exact.
  if (most > 0 && !(await passes(most + 1))) return most;
  while (least - most > 1 && least - most > most / 10_000) {
    const middle = most + Math.floor((least - most) / 2);
    if (await passes(middle)) most = middle;
    else least = middle;
  }
  return most;
}

const KiB = 1024;
const MiB = 1024 * KiB;

const usualLimits: readonly number[] = [
  100 * KiB,
  1_000_000,
  MiB,
  2 * MiB,
  4 * MiB,
  4_500_000,
  5 * MiB,
  6 * MiB,
  8 * MiB,
  10_000_000,
  10 * MiB,
  32 * MiB,
  50 * MiB,
  64 * MiB,
  100_000_000,
  100 * MiB,
  512 * MiB,
  1024 * MiB,
];
