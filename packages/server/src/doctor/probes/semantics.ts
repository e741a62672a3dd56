import { type Chain, NotTested } from '../chain.js';
import type { Exchange } from '../exchange.js';
import type { Detection } from '../finding.js';
import { ELSEWHERE, etagOf } from '../origin/response-fields.js';
import { describeEnd, formatCount, type Probe } from '../probe.js';
import { judgeValidators } from './fields.js';

const FINISH_MS = 10_000;
const SIZE = 4 * 1024 * 1024;

/** Ranges and conditions (RFC 9110 sections 13 and 14): a download that breaks is continued by them. */
export const ranges: Probe = {
  name: 'ranges',
  title: 'whether ranges and conditions work',
  kinds: [
    'range-lost',
    'range-wrong',
    'range-expanded',
    'if-range-ignored',
    'if-range-lost',
    'not-modified-lost',
  ],
  async run(chain) {
    const results = await Promise.all([
      getRange(chain, 'bytes=100000-100999', 100_000, 1000),
      getRange(chain, 'bytes=-500', SIZE - 500, 500),
      getRange(chain, `bytes=${SIZE - 700}-`, SIZE - 700, 700),
      ifRange(chain),
      ifNoneMatch(chain),
    ]);
    // One sentence for each kind is enough.
    const found = results.flat();
    return found.filter(({ kind }, i) => found.findIndex((each) => each.kind === kind) === i);
  },
};

async function finishUpTo(exchange: Exchange, bytes: number): Promise<void> {
  await exchange.until(() => exchange.bytes > bytes || exchange.ending !== null, FINISH_MS);
  if (exchange.ending === null) exchange.leave();
  if (exchange.head === null) throw new NotTested(`a request for a part ${describeEnd(exchange)}`);
}

async function getRange(chain: Chain, range: string, start: number, length: number): Promise<Detection[]> {
  const id = chain.newId();
  const exchange = chain.content(id, { size: SIZE }, { fields: { Range: range } });
  await finishUpTo(exchange, length);
  const { head, bytes, firstWrongByte } = exchange;
  const evidence = { range, status: head?.status ?? null, contentRange: exchange.field('content-range') };
  if (head?.status !== 206) {
    return [
      {
        kind: 'range-lost',
        message: `A request for a part gets ${head?.status === 200 ? 'the whole file' : (head?.status ?? 0)}, so downloads start again from the beginning`,
        evidence,
      },
    ];
  }
  const expected = `bytes ${start}-${start + length - 1}/${SIZE}`;
  if (exchange.field('content-range') !== expected || bytes !== length || firstWrongByte !== null)
    return [{ kind: 'range-wrong', message: `A request for ${range} gets another part`, evidence }];
  const requests = await chain.seen(id, ([first]) => first?.response.isFinished === true, 500);
  const sent = requests.reduce((sum, { response }) => sum + response.bytes, 0);
  if (sent < SIZE / 4) return [];
  return [
    {
      kind: 'range-expanded',
      message: `For a part of ${formatCount(length)} bytes, the chain gets the whole file from the origin`,
      evidence: { range, bytesOfOrigin: sent },
    },
  ];
}

async function ifRange(chain: Chain): Promise<Detection[]> {
  const id = chain.newId();
  const other = chain.content(
    id,
    { size: SIZE },
    { fields: { Range: 'bytes=1000-1999', 'If-Range': '"another"' } },
  );
  await finishUpTo(other, 1000);
  const same = chain.content(
    id,
    { size: SIZE },
    { fields: { Range: 'bytes=1000-1999', 'If-Range': etagOf(id) } },
  );
  await finishUpTo(same, 1000);
  const found: Detection[] = [];
  if (other.head?.status === 206) {
    found.push({
      kind: 'if-range-ignored',
      message:
        'If-Range is ignored: a client that continues a download of a changed file gets a mixture of both',
      evidence: { status: 206 },
    });
  }
  if (same.head?.status === 200) {
    found.push({
      kind: 'if-range-lost',
      message:
        'A request for a part with an If-Range that is true gets the whole file, so downloads start again',
      evidence: { status: 200 },
    });
  }
  return found;
}

async function ifNoneMatch(chain: Chain): Promise<Detection[]> {
  const id = chain.newId();
  const exchange = chain.content(id, { size: 1000 }, { fields: { 'If-None-Match': etagOf(id) } });
  await exchange.finish(FINISH_MS);
  if (exchange.head?.status === 304) return [];
  return [
    {
      kind: 'not-modified-lost',
      message: `A client that has the file gets ${exchange.head?.status ?? 'no response'} for If-None-Match, and not 304`,
      evidence: { status: exchange.head?.status ?? null },
    },
  ];
}

/** Content codings that the origin does not use (RFC 9110 section 8.4). */
export const compression: Probe = {
  name: 'compression',
  title: 'whether files are compressed on the way',
  kinds: ['compressed', 'validator-weakened', 'validator-lost'],
  isExact: true,
  async run(chain) {
    const found: Detection[] = [];
    for (const type of ['binary', 'text'] as const) {
      const id = chain.newId();
      const exchange = chain.content(
        id,
        { size: 256 * 1024, type },
        { fields: { 'Accept-Encoding': 'gzip, deflate, br, zstd' } },
      );
      await exchange.finish(FINISH_MS);
      if (exchange.head?.status !== 200) throw new NotTested(`a download ${describeEnd(exchange)}`);
      const coding = exchange.field('content-encoding');
      if (coding === null) continue;
      const name = type === 'binary' ? 'application/octet-stream' : 'text/plain';
      return [
        ...found,
        {
          kind: 'compressed',
          message: `Files of ${name} are compressed on the way (${coding}), and so lose their length and ranges`,
          evidence: { contentEncoding: coding, type: name, contentLength: exchange.field('content-length') },
        },
        ...judgeValidators(id, exchange.head.fields, ' when it is compressed'),
      ];
    }
    return found;
  },
};

export const headRequests: Probe = {
  name: 'head-requests',
  title: 'what HEAD costs',
  kinds: ['head-as-get', 'head-length-lost'],
  isExact: true,
  async run(chain) {
    const id = chain.newId();
    const exchange = chain.content(
      id,
      { size: SIZE },
      { method: 'HEAD', fields: { 'Accept-Encoding': 'identity' } },
    );
    await exchange.finish(FINISH_MS);
    if (exchange.head?.status !== 200) throw new NotTested(`HEAD ${describeEnd(exchange)}`);
    const requests = await chain.report(id);
    if (requests.some(({ method }) => method === 'GET')) {
      return [
        {
          kind: 'head-as-get',
          message:
            'HEAD is sent to the origin as GET, so the question for the length of a file costs the file',
          evidence: { method: 'GET' },
        },
      ];
    }
    const length = exchange.field('content-length');
    if (length === String(SIZE)) return [];
    return [
      {
        kind: 'head-length-lost',
        message: 'The response to HEAD loses its Content-Length',
        evidence: { contentLength: length },
      },
    ];
  },
};

export const redirects: Probe = {
  name: 'redirects',
  title: 'whether redirects pass',
  kinds: ['redirect-followed', 'location-changed', 'location-internal'],
  isExact: true,
  async run(chain) {
    const elsewhere = chain.content(chain.newId(), { status: 302, location: 'elsewhere', plain: 1 });
    const here = chain.content(chain.newId(), { status: 302, location: 'here', plain: 1 });
    await Promise.all([elsewhere.finish(FINISH_MS), here.finish(FINISH_MS)]);
    const status = elsewhere.head?.status ?? null;
    if (status !== 302) {
      return [
        {
          kind: 'redirect-followed',
          message: `A redirect of the origin does not reach the client: it gets ${status ?? 'no response'}`,
          evidence: { status },
        },
      ];
    }
    const found: Detection[] = [];
    const location = elsewhere.field('location');
    if (location !== ELSEWHERE) {
      found.push({
        kind: 'location-changed',
        message: 'The Location of a redirect to another server is changed',
        evidence: { location },
      });
    }
    const own = here.field('location') ?? '';
    const host = URL.canParse(own, chain.base.href) ? new URL(own, chain.base.href).host : '';
    if (here.head?.status === 302 && host !== chain.base.host) {
      found.push({
        kind: 'location-internal',
        message: 'A redirect of the origin to itself names the internal host, which clients do not reach',
        evidence: { host },
      });
    }
    return found;
  },
};

/** The path has to arrive as it was sent, or signatures of URLs break. */
export const paths: Probe = {
  name: 'paths',
  title: 'whether the path of a URL passes unchanged',
  kinds: ['path-changed'],
  isExact: true,
  async run(chain) {
    const suffix = "/a%2Fb%20c;v=1//d%C3%A9/e+f'~";
    const id = chain.newId();
    const exchange = chain.content(id, { size: 10 }, { suffix });
    await exchange.finish(FINISH_MS);
    const [request] = await chain.report(id);
    if (request?.target.endsWith(suffix)) return [];
    return [
      {
        kind: 'path-changed',
        message:
          request === undefined
            ? `A path with escaped slashes and double slashes ${describeEnd(exchange)}`
            : 'The path of a URL is changed, which breaks signed URLs',
        evidence: {
          sent: suffix,
          received: request?.target.slice(-suffix.length) ?? null,
          status: exchange.head?.status ?? null,
        },
      },
    ];
  },
};
