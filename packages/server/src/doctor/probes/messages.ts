import { seededBytes } from '../../demo/seeded-content.js';
import { type Chain, NotTested } from '../chain.js';
import { type Exchange, type FieldLines, fieldOf } from '../exchange.js';
import type { Detection } from '../finding.js';
import { digestOf } from '../origin/response-fields.js';
import { describeEnd, errorProduct, formatCount, type Probe } from '../probe.js';

const FINISH_MS = 10_000;

/** Trailers and interim responses, which many proxies drop (RFC 9110 sections 6.5 and 15.2; RFC 8297). */
export const extras: Probe = {
  name: 'extras',
  title: 'whether trailers and 103 pass',
  kinds: [
    'trailers-lost',
    'trailers-refused',
    'request-trailers-lost',
    'request-trailers-refused',
    'early-hints-lost',
    'early-hints-refused',
  ],
  async run(chain) {
    const found = await Promise.all([responseTrailers(chain), requestTrailers(chain), earlyHints(chain)]);
    return found.filter((each) => each !== null);
  },
};

async function responseTrailers(chain: Chain): Promise<Detection | null> {
  const exchange = chain.content(
    chain.newId(),
    { size: 1000, framing: 'chunked', trailers: 1, plain: 1 },
    { fields: { TE: 'trailers' } },
  );
  const { how } = await exchange.finish(FINISH_MS);
  const status = exchange.head?.status ?? null;
  if (status !== 200 || how !== 'complete') {
    return {
      kind: 'trailers-refused',
      message: `A download with trailer fields ${describeEnd(exchange)}`,
      evidence: { status },
      product: errorProduct(exchange),
    };
  }
  if (fieldOf(exchange.trailers, 'repr-digest') !== null) return null;
  return {
    kind: 'trailers-lost',
    message:
      'Trailer fields of responses are lost, and with them digests that are computed while a file is sent',
    evidence: { trailers: exchange.trailers.length },
  };
}

async function requestTrailers(chain: Chain): Promise<Detection | null> {
  const { exchange, isReceived, trailers } = await uploadChunks(chain, true);
  if (!isReceived || exchange.head?.status !== 200) {
    // Uploads that are refused without trailers, too, are the affair of another probe.
    const without = await uploadChunks(chain, false);
    if (!without.isReceived || without.exchange.head?.status !== 200) return null;
    return {
      kind: 'request-trailers-refused',
      message: `An upload with trailer fields ${describeEnd(exchange)}`,
      evidence: { status: exchange.head?.status ?? null },
      product: errorProduct(exchange),
    };
  }
  if (fieldOf(trailers, 'repr-digest') !== null) return null;
  return {
    kind: 'request-trailers-lost',
    message: 'Trailer fields of requests are lost',
    evidence: { trailers: trailers.length },
  };
}

async function uploadChunks(
  chain: Chain,
  hasTrailers: boolean,
): Promise<{ exchange: Exchange; isReceived: boolean; trailers: FieldLines }> {
  const id = chain.newId();
  const fields: Record<string, string> = hasTrailers ? { Trailer: 'Repr-Digest' } : {};
  const exchange = chain.content(id, {}, { method: 'POST', content: 'chunked', fields });
  await exchange.send(seededBytes(id, 0, 1000));
  exchange.endRequest(hasTrailers ? { 'Repr-Digest': digestOf(id, 1000) } : {});
  await exchange.finish(FINISH_MS);
  const [received] = await chain.report(id);
  return {
    exchange,
    isReceived: received?.content.isComplete === true,
    trailers: received?.content.trailers ?? [],
  };
}

async function earlyHints(chain: Chain): Promise<Detection | null> {
  const exchange = chain.content(chain.newId(), { size: 1000, hints: 1, plain: 1 });
  await exchange.finish(FINISH_MS);
  const status = exchange.head?.status ?? null;
  if (status !== 200) {
    return {
      kind: 'early-hints-refused',
      message: `A response that follows 103 Early Hints ${describeEnd(exchange)}`,
      evidence: { status },
      product: errorProduct(exchange),
    };
  }
  if (exchange.interim.some((each) => each.status === 103)) return null;
  return {
    kind: 'early-hints-lost',
    message: '103 Early Hints is lost',
    evidence: { interim: exchange.interim.length },
  };
}

/** Who says `100 Continue` (RFC 9110 section 10.1.1). */
export const expectations: Probe = {
  name: 'expectations',
  title: 'whether the origin decides about 100 Continue',
  kinds: ['expect-answered', 'expect-refused'],
  async run(chain, { patienceMs }) {
    const fields = { Expect: '100-continue' };
    const size = 1000;
    const refused = chain.content(
      chain.newId(),
      { respond: 'first', status: 403 },
      { method: 'POST', content: size, fields },
    );
    const id = chain.newId();
    const accepted = chain.content(id, {}, { method: 'POST', content: size, fields });
    const has100 = (): boolean => accepted.interim.some(({ status }) => status === 100);
    await Promise.all([
      refused.until(() => refused.head !== null || refused.interim.length > 0, patienceMs),
      accepted.until(() => accepted.head !== null || has100(), patienceMs),
    ]);
    const isEarly = refused.interim.some(({ status }) => status === 100);
    if (accepted.head === null) {
      await accepted.send(seededBytes(id, 0, size));
      accepted.endRequest();
      await accepted.finish(FINISH_MS);
    }
    refused.leave();
    const found: Detection[] = [];
    if (isEarly) {
      found.push({
        kind: 'expect-answered',
        message:
          'The chain answers Expect: 100-continue itself, so clients send uploads that the origin refuses',
        evidence: { interim: 100 },
      });
    }
    if (accepted.head?.status !== 200) {
      found.push({
        kind: 'expect-refused',
        message: `An upload with Expect: 100-continue ${describeEnd(accepted)}`,
        evidence: { status: accepted.head?.status ?? null },
        product: errorProduct(accepted),
      });
    }
    return found;
  },
};

interface Limit {
  kind: string;
  what: string;
  /** What has to pass at least. */
  size: number;
  passes(
    chain: Chain,
    size: number,
  ): Promise<{ isPassed: boolean; how: string; product: Detection['product'] }>;
}

const limits: readonly Limit[] = [
  {
    kind: 'url-limit',
    what: 'A URL',
    // RFC 9110 section 4.1: at least 8000 octets.
    size: 8000,
    passes: (chain, size) => {
      const length = chain.urlOf({ id: chain.newId(), action: 'content' }).pathname.length;
      return tryOut(chain, { suffix: `/${'u'.repeat(Math.max(1, size - length - 1))}` });
    },
  },
  {
    kind: 'request-head-limit',
    what: 'A request field',
    // What browsers and tokens need: a cookie of 4 KiB, and as much again.
    size: 7000,
    passes: (chain, size) => tryOut(chain, { fields: { 'X-Doctor-Pad': 'p'.repeat(size) } }),
  },
  {
    kind: 'response-head-limit',
    what: 'A response field',
    size: 7000,
    passes: (chain, size) => tryOut(chain, {}, size),
  },
];

async function tryOut(
  chain: Chain,
  options: { suffix?: string; fields?: Record<string, string> },
  pad?: number,
): ReturnType<Limit['passes']> {
  const exchange = chain.content(chain.newId(), { size: 10, ...(pad !== undefined && { pad }) }, options);
  await exchange.finish(FINISH_MS);
  const isPassed =
    exchange.head?.status === 200 && (pad === undefined || exchange.field('x-doctor-pad')?.length === pad);
  return { isPassed, how: describeEnd(exchange), product: errorProduct(exchange) };
}

/** Long URLs and fields: signed URLs, cookies, policies. */
export const headSizes: Probe = {
  name: 'head-sizes',
  title: 'how long URLs and fields can be',
  kinds: limits.map(({ kind }) => kind),
  async run(chain) {
    const found = await Promise.all(limits.map((limit) => findHeadLimit(chain, limit)));
    return found.filter((each) => each !== null);
  },
};

async function findHeadLimit(chain: Chain, { kind, what, size, passes }: Limit): Promise<Detection | null> {
  const { isPassed, how, product } = await passes(chain, size);
  if (isPassed) return null;
  if (!(await passes(chain, 200)).isPassed) throw new NotTested('a request with a short head fails, too');
  let most = 200;
  let least = size;
  while (least - most > 16) {
    const middle = (most + least) >> 1;
    if ((await passes(chain, middle)).isPassed) most = middle;
    else least = middle;
  }
  return {
    kind,
    message: `${what} of more than about ${formatCount(most)} bytes ${how}`,
    evidence: { limit: most, tried: size },
    product,
  };
}
