import { seededBytes } from '../../demo/seeded-content.js';
import type { Chain } from '../chain.js';
import type { Detection } from '../finding.js';
import type { ScriptOptions } from '../origin/script.js';
import { formatCount, type Probe } from '../probe.js';

export const SIZE = 512 * 1024;
export const BREAK_AT = 192 * 1024;

/** A way in which the origin breaks a response off. */
export interface Break {
  how: string;
  script: ScriptOptions;
  fields?: Record<string, string>;
}

export const breaks: readonly Break[] = [
  { how: 'with Content-Length that the origin closes', script: { framing: 'length', breakBy: 'fin' } },
  { how: 'with Content-Length that the origin resets', script: { framing: 'length', breakBy: 'reset' } },
  { how: 'in chunks that the origin closes', script: { framing: 'chunked', breakBy: 'fin' } },
  { how: 'in chunks that the origin resets', script: { framing: 'chunked', breakBy: 'reset' } },
  {
    how: 'in chunks that the chain can compress and that the origin closes',
    script: { framing: 'chunked', breakBy: 'fin', type: 'text' },
    fields: { 'Accept-Encoding': 'gzip' },
  },
];

/** The worst that a chain can do: a file of which a part is missing, and that looks whole (RFC 9112 section 8). */
export const brokenDownloads: Probe = {
  name: 'broken-downloads',
  title: 'whether a download that breaks looks whole',
  kinds: ['response-completed'],
  // `http2Downloads` tests it over HTTP/2.
  isHttp1: true,
  async run(chain) {
    const results = await Promise.all(breaks.map((each) => breakDownload(chain, each)));
    const completed = results.filter((each) => each !== null);
    if (completed.length === 0) return [];
    const isOld = completed.every(({ httpVersion }) => httpVersion === '1.0');
    return [
      {
        kind: 'response-completed',
        message: `A broken download looks whole: the chain ends a response ${completed.map(({ how }) => how).join(', and one ')}, as if it were complete${isOld ? ', because it asks the origin in HTTP/1.0' : ''}`,
        evidence: { sent: BREAK_AT, of: SIZE, httpVersion: completed[0]?.httpVersion ?? null },
      },
    ];
  },
};

/** Null if the client sees that the download is broken. */
export async function breakDownload(
  chain: Chain,
  { how, script, fields = {} }: Break,
): Promise<{ how: string; httpVersion: string } | null> {
  const id = chain.newId();
  const exchange = chain.content(id, { size: SIZE, breakAt: BREAK_AT, ...script }, { fields });
  await exchange.finish(15_000);
  // An error response is as honest as a cut.
  if (exchange.ending?.how !== 'complete' || exchange.head?.status !== 200) return null;
  const requests = await chain.report(id);
  // A chain that has asked again has perhaps got the rest; this origin always breaks.
  return { how, httpVersion: requests[0]?.httpVersion ?? '' };
}

/** The same for uploads. */
export const brokenUploads: Probe = {
  name: 'broken-uploads',
  title: 'whether an upload that breaks looks whole',
  kinds: ['upload-completed'],
  async run(chain) {
    const found: Detection[] = [];
    for (const content of [SIZE, 'chunked'] as const) {
      const id = chain.newId();
      const exchange = chain.content(id, {}, { method: 'POST', content });
      await exchange.send(seededBytes(id, 0, BREAK_AT));
      // Without a pause, the chain might not have sent anything to the origin yet.
      await chain.seen(id, ([first]) => (first?.content.bytes ?? 0) > 0, 300);
      exchange.leave();
      const requests = await chain.seen(id, ([first]) => first?.isCut === true, 500);
      const whole = requests.find((request) => request.content.isComplete);
      if (whole === undefined) continue;
      found.push({
        kind: 'upload-completed',
        message: `A broken upload looks whole: the client left after ${formatCount(BREAK_AT)} bytes of a request ${content === 'chunked' ? 'in chunks' : 'with Content-Length'}, and the origin got a complete request of ${formatCount(whole.content.bytes)}`,
        evidence: { sent: BREAK_AT, received: whole.content.bytes },
      });
    }
    return found;
  },
};

/** Whether a request reaches the origin twice that must not (RFC 9110 section 9.2.2). */
export const repeatedRequests: Probe = {
  name: 'repeated-requests',
  title: 'whether the chain repeats requests that fail',
  kinds: ['post-repeated', 'put-repeated'],
  async run(chain) {
    const found: Detection[] = [];
    for (const method of ['POST', 'PUT'] as const) {
      // So that the chain has a connection that it can reuse.
      await chain.content(chain.newId(), { plain: 1 }).finish(10_000);
      const id = chain.newId();
      const exchange = chain.content(id, { respond: 'drop' }, { method, content: 5 });
      await exchange.send(seededBytes(id, 0, 5));
      exchange.endRequest();
      await exchange.finish(10_000);
      const { length } = await chain.report(id);
      if (length < 2) continue;
      found.push({
        kind: method === 'POST' ? 'post-repeated' : 'put-repeated',
        message: `A ${method} whose response does not come is sent ${length === 2 ? 'twice' : `${length} times`}`,
        evidence: { method, requests: length },
      });
    }
    return found;
  },
};
