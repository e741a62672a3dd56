import { randomBytes } from 'node:crypto';
import { seededBytes } from '../../demo/seeded-content.js';
import { type Chain, NotTested, pause } from '../chain.js';
import type { Effort } from '../effort.js';
import type { Exchange } from '../exchange.js';
import type { Detection } from '../finding.js';
import { describeEnd, errorProduct, formatCount, formatSeconds, type Probe } from '../probe.js';

/** What the chain and the network need beside the silence. */
const GRACE_MS = 10_000;

const MiB = 1024 * 1024;

interface Cut {
  kind: string;
  /** `Silence of the origin before the response head` */
  what: string;
  /** When the silence began. */
  since: number;
}

/** A detection if the exchange did not end with a whole response of this length; the time is that from `since` to its end. */
function judge(exchange: Exchange, size: number, { kind, what, since }: Cut): Detection[] {
  const { ending, bytes, head, endedAt } = exchange;
  if (ending?.how === 'complete' && bytes === size && head?.status === 200) return [];
  const ms = Math.max(0, Math.round(endedAt - since));
  const isWhole = ending?.how === 'complete' && head?.status === 200;
  return [
    {
      kind,
      message: `${what}: ${isWhole ? 'the response ends early and looks whole' : describe(exchange)} after ${formatSeconds(ms)}`,
      evidence: { afterMs: ms, status: head?.status ?? null, bytes, looksWhole: isWhole },
      product: errorProduct(exchange),
    },
  ];
}

const describe = (exchange: Exchange): string => `the request ${describeEnd(exchange)}`;

export const headSilence: Probe = {
  name: 'head-silence',
  title: 'how long the origin can think before it responds',
  kinds: ['head-silence'],
  isSlow: true,
  async run(chain, { silenceMs }) {
    const id = chain.newId();
    const exchange = chain.content(id, { size: 1000, headDelay: silenceMs });
    const since = performance.now();
    await exchange.finish(silenceMs + GRACE_MS);
    const what = 'An origin that is silent before it responds';
    const found = judge(exchange, 1000, { kind: 'head-silence', what, since });
    if (found.length === 0) return [];
    const { length } = await chain.report(id);
    return found.map((each) => ({
      ...each,
      message: length > 1 ? `${each.message}, in which the chain asks ${length} times` : each.message,
      evidence: { ...each.evidence, requests: length },
    }));
  },
};

export const contentSilence: Probe = {
  name: 'content-silence',
  title: 'how long a download can pause at the origin',
  kinds: ['content-silence'],
  isSlow: true,
  async run(chain, { silenceMs }) {
    const size = 256 * 1024;
    const exchange = chain.content(chain.newId(), { size, holdAt: size / 2, hold: silenceMs });
    const since = performance.now();
    await exchange.finish(silenceMs + GRACE_MS);
    return judge(exchange, size, {
      kind: 'content-silence',
      what: 'An origin that pauses in a download',
      since,
    });
  },
};

/** Bytes move all the time, so only a limit of the total time can cut it. */
export const steadyDownload: Probe = {
  name: 'steady-download',
  title: 'how long a download can last',
  kinds: ['download-time'],
  isSlow: true,
  async run(chain, { steadyMs }) {
    const every = Math.min(1000, Math.ceil(steadyMs / 10));
    const pieces = Math.ceil(steadyMs / every) + 1;
    const piece = 16 * 1024;
    const exchange = chain.content(chain.newId(), { size: pieces * piece, piece, every });
    await exchange.finish(steadyMs + GRACE_MS);
    return judge(exchange, pieces * piece, {
      kind: 'download-time',
      what: 'A download that moves all the time',
      since: exchange.started,
    });
  },
};

/** The client reads nothing for some time, as one does that is suspended or saves to a slow disk. */
export const clientSilence: Probe = {
  name: 'client-silence',
  title: 'how long a client can stop reading',
  kinds: ['client-silence'],
  isSlow: true,
  async run(chain, { silenceMs }) {
    // More than the sockets hold.
    const size = 48 * MiB;
    const id = chain.newId();
    const exchange = chain.content(id, { size }, { paused: true });
    if (!(await exchange.until(() => exchange.head !== null, GRACE_MS)))
      throw new NotTested('no response arrived');
    if (exchange.head?.status !== 200)
      throw new NotTested(`a download of ${formatCount(size)} bytes ${describeEnd(exchange)}`);
    const since = performance.now();
    let cutMs: number | null = null;
    for (let ms = 0; ms < silenceMs && cutMs === null; ms = performance.now() - since) {
      await pause(Math.min(250, silenceMs - ms));
      const [first] = await chain.report(id);
      // The doctor sees the cut itself only when it reads on.
      if (first?.isCut === true) cutMs = Math.round(performance.now() - since);
    }
    exchange.read();
    await exchange.finish(GRACE_MS);
    const { ending, bytes } = exchange;
    if (ending?.how === 'complete' && bytes === size) return [];
    return [
      {
        kind: 'client-silence',
        message: `A client that stops reading a download for ${formatSeconds(silenceMs)} loses it${cutMs === null ? '' : ` after ${formatSeconds(cutMs)}`}`,
        evidence: { afterMs: cutMs, silenceMs, bytes, looksWhole: ending?.how === 'complete' },
      },
    ];
  },
};

/** Uploads of this size pass the limits that people set. */
const SLOW_UPLOAD_BYTES = 512 * 1024;

async function slowUpload(
  chain: Chain,
  pauses: readonly number[],
  kind: string,
  what: string,
): Promise<readonly Detection[]> {
  // Not too small, since Apache httpd has a minimum rate.
  const piece = Math.min(16 * 1024, Math.max(1024, Math.floor(SLOW_UPLOAD_BYTES / (pauses.length + 1))));
  const size = piece * (pauses.length + 1);
  const id = chain.newId();
  const exchange = chain.content(id, { size: 1000 }, { method: 'POST', content: size });
  const since = performance.now();
  await exchange.send(seededBytes(id, 0, piece));
  for (const [i, ms] of pauses.entries()) {
    if (await exchange.until(() => exchange.head !== null || exchange.ending !== null, ms)) break;
    if (exchange.ending !== null) break;
    await exchange.send(seededBytes(id, piece * (i + 1), piece));
  }
  if (exchange.head === null && exchange.ending === null) exchange.endRequest();
  if (exchange.ending === null) await exchange.until(() => exchange.ending !== null, GRACE_MS);
  if (exchange.ending === null) exchange.leave();
  // It is the size that is refused, not the time.
  if (exchange.head?.status === 413) throw new NotTested(`an upload of ${formatCount(size)} bytes gets 413`);
  return judge(exchange, 1000, { kind, what, since });
}

export const uploadSilence: Probe = {
  name: 'upload-silence',
  title: 'how long an upload can pause',
  kinds: ['upload-silence'],
  isSlow: true,
  run: (chain, { silenceMs }) =>
    slowUpload(chain, [silenceMs], 'upload-silence', 'A client that pauses in an upload'),
};

export const steadyUpload: Probe = {
  name: 'steady-upload',
  title: 'how long an upload can last',
  kinds: ['upload-time'],
  isSlow: true,
  run: (chain, { steadyMs }) => {
    const every = Math.min(1000, Math.ceil(steadyMs / 10));
    const pauses = Array.from({ length: Math.ceil(steadyMs / every) }, () => every);
    return slowUpload(chain, pauses, 'upload-time', 'An upload that moves all the time');
  },
};

/** A WebSocket: whether it opens, and how long it can be silent. */
export const tunnels: Probe = {
  name: 'tunnels',
  title: 'whether WebSockets open, and how long they can be silent',
  kinds: ['upgrade-refused', 'tunnel-silence'],
  isSlow: true,
  isHttp1: true,
  async run(chain, { silenceMs }: Effort) {
    const url = chain.urlOf({ id: chain.newId(), action: 'socket' });
    const exchange = chain.openHttp1({
      url,
      fields: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      },
    });
    const socket = await exchange.upgraded(GRACE_MS);
    if (socket === null) {
      const { head } = exchange;
      exchange.leave();
      return [
        {
          kind: 'upgrade-refused',
          message: `A WebSocket does not open: the request ${describeEnd(exchange)}`,
          evidence: { status: head?.status ?? null },
        },
      ];
    }
    const since = performance.now();
    const closed = new Promise<number>((resolve) => {
      socket.on('error', () => {});
      socket.once('close', () => resolve(performance.now()));
    });
    socket.resume();
    let isLeft = false;
    const timer = setTimeout(() => {
      isLeft = true;
      socket.destroy();
    }, silenceMs);
    const closedAt = await closed;
    clearTimeout(timer);
    if (isLeft) return [];
    const ms = Math.round(closedAt - since);
    return [
      {
        kind: 'tunnel-silence',
        message: `A WebSocket that is silent is closed after ${formatSeconds(ms)}`,
        evidence: { afterMs: ms },
      },
    ];
  },
};
