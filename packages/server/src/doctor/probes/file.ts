import { type Chain, NotTested, pause } from '../chain.js';
import type { Exchange } from '../exchange.js';
import { describeEnd, errorProduct, formatCount, formatSeconds, type Probe } from '../probe.js';

const FINISH_MS = 15_000;
const identity = { 'Accept-Encoding': 'identity' };

const get = (chain: Chain, fields: Record<string, string> = {}, paused = false, method = 'GET'): Exchange =>
  chain.open({ url: chain.base, method, fields, paused });

/** The file that the origin serves, as HEAD tells it. */
async function readFile(chain: Chain): Promise<{ size: number; etag: string | null }> {
  const exchange = get(chain, identity, true);
  await exchange.until(() => exchange.head !== null, FINISH_MS);
  const { head } = exchange;
  const size = Number(exchange.field('content-length') ?? Number.NaN);
  const etag = exchange.field('etag');
  exchange.leave();
  if (head?.status !== 200) throw new NotTested(`the URL ${describeEnd(exchange)}`);
  if (!Number.isSafeInteger(size) || size === 0) throw new NotTested('the length of the file is not known');
  return { size, etag };
}

const fileFields: Probe = {
  name: 'file-fields',
  title: 'what the response says about the file',
  kinds: ['length-lost', 'validator-lost', 'validator-weakened'],
  async run(chain) {
    const exchange = get(chain, identity, true);
    await exchange.until(() => exchange.head !== null, FINISH_MS);
    exchange.leave();
    if (exchange.head?.status !== 200) throw new NotTested(`the URL ${describeEnd(exchange)}`);
    const etag = exchange.field('etag');
    const found = [];
    if (exchange.field('content-length') === null)
      found.push({ kind: 'length-lost', message: 'The response has no Content-Length', evidence: {} });
    if (etag === null && exchange.field('last-modified') === null) {
      found.push({
        kind: 'validator-lost',
        message: 'The response has neither ETag nor Last-Modified, so clients cannot continue downloads',
        evidence: {},
      });
    }
    if (etag?.startsWith('W/'))
      found.push({
        kind: 'validator-weakened',
        message: 'The ETag is weak, so clients cannot continue downloads by it',
        evidence: { etag },
      });
    return found;
  },
};

const fileRanges: Probe = {
  name: 'file-ranges',
  title: 'whether ranges work',
  kinds: ['range-lost', 'range-wrong', 'if-range-ignored'],
  async run(chain) {
    const { size } = await readFile(chain);
    if (size < 2) throw new NotTested('the file is too short');
    const end = Math.min(size, 1001) - 1;
    const range = `bytes=1-${end}`;
    const part = get(chain, { ...identity, Range: range });
    const other = get(chain, { ...identity, Range: range, 'If-Range': '"sluiceway-doctor"' }, true);
    await Promise.all([
      part.until(() => part.bytes > end || part.ending !== null, FINISH_MS),
      other.until(() => other.head !== null, FINISH_MS),
    ]);
    part.leave();
    other.leave();
    if (part.head?.status !== 206) {
      return [
        {
          kind: 'range-lost',
          message: `A request for a part gets ${part.head?.status === 200 ? 'the whole file' : (part.head?.status ?? 'no response')}`,
          evidence: { range, status: part.head?.status ?? null },
        },
      ];
    }
    const found = [];
    const contentRange = part.field('content-range');
    if (contentRange !== `bytes 1-${end}/${size}` || part.bytes !== end)
      found.push({
        kind: 'range-wrong',
        message: `A request for ${range} gets another part`,
        evidence: { range, contentRange },
      });
    if (other.head?.status === 206) {
      found.push({
        kind: 'if-range-ignored',
        message:
          'If-Range is ignored: a client that continues a download of a changed file gets a mixture of both',
        evidence: { status: 206 },
      });
    }
    return found;
  },
};

const fileCompression: Probe = {
  name: 'file-compression',
  title: 'whether the file is compressed on the way',
  kinds: ['compressed'],
  async run(chain) {
    const exchange = get(chain, { 'Accept-Encoding': 'gzip, deflate, br, zstd' }, true);
    await exchange.until(() => exchange.head !== null, FINISH_MS);
    exchange.leave();
    if (exchange.head?.status !== 200) throw new NotTested(`the URL ${describeEnd(exchange)}`);
    const coding = exchange.field('content-encoding');
    if (coding === null) return [];
    const type = exchange.field('content-type');
    return [
      {
        kind: 'compressed',
        message: `The file is sent with the coding ${coding}, and so loses its length and ranges`,
        evidence: { contentEncoding: coding, type },
      },
    ];
  },
};

const fileHead: Probe = {
  name: 'file-head',
  title: 'whether HEAD says what GET says',
  kinds: ['head-length-lost'],
  async run(chain) {
    const { size } = await readFile(chain);
    const exchange = get(chain, identity, false, 'HEAD');
    await exchange.finish(FINISH_MS);
    const length = exchange.field('content-length');
    if (exchange.head?.status === 200 && length === String(size)) return [];
    return [
      {
        kind: 'head-length-lost',
        message: `HEAD says ${length === null ? 'no length' : formatCount(Number(length))}, and GET ${formatCount(size)} bytes`,
        evidence: { status: exchange.head?.status ?? null, contentLength: length },
      },
    ];
  },
};

const fileDownload: Probe = {
  name: 'file-download',
  title: 'whether the file arrives whole',
  kinds: ['download-cut'],
  async run(chain, { transferMs }) {
    const { size } = await readFile(chain);
    const exchange = get(chain, identity);
    await exchange.until(() => exchange.ending !== null, transferMs);
    const isTimely = exchange.ending !== null;
    exchange.leave();
    const { bytes } = exchange;
    if (bytes === size) return [];
    if (!isTimely)
      throw new NotTested(`only ${formatCount(bytes)} of ${formatCount(size)} bytes arrived in time`);
    return [
      {
        kind: 'download-cut',
        message: `The download is cut after ${formatCount(bytes)} of ${formatCount(size)} bytes`,
        evidence: { bytes, of: size },
        product: errorProduct(exchange),
      },
    ];
  },
};

const filePause: Probe = {
  name: 'file-pause',
  title: 'how long a client can stop reading',
  kinds: ['client-silence'],
  isSlow: true,
  async run(chain, { silenceMs, transferMs }) {
    const { size } = await readFile(chain);
    if (size < 16 * 1024 * 1024)
      throw new NotTested('the file is shorter than 16 MiB, which the sockets can hold');
    const exchange = get(chain, identity, true);
    await exchange.until(() => exchange.head !== null, FINISH_MS);
    const since = performance.now();
    await pause(silenceMs);
    exchange.read();
    // What was cut is seen soon: the rest is the affair of another probe.
    await exchange.until(() => exchange.ending !== null, Math.min(transferMs, FINISH_MS));
    const { ending, bytes, endedAt } = exchange;
    exchange.leave();
    if (ending === null || bytes === size) return [];
    return [
      {
        kind: 'client-silence',
        message: `A client that stops reading a download for ${formatSeconds(silenceMs)} gets ${formatCount(bytes)} of ${formatCount(size)} bytes`,
        evidence: { bytes, of: size, afterMs: Math.round(endedAt - since) },
      },
    ];
  },
};

/** What can be tested with a file of the user's origin, without the echo origin. */
export const fileProbes: readonly Probe[] = [
  fileFields,
  fileHead,
  fileRanges,
  fileCompression,
  fileDownload,
  filePause,
];
