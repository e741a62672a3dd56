import { effortToRepeat, isCauseOf } from './cause.js';
import { Chain } from './chain.js';
import type { Effort } from './effort.js';
import type { Finding, Kind } from './finding.js';
import { type Hops, identify } from './identify.js';
import { kinds } from './kinds.js';
import { PROTOCOL } from './origin/echo-origin.js';
import { probes } from './probes/all.js';
import { fileProbes } from './probes/file.js';
import { negotiate } from './probes/http2.js';
import type { Product } from './products.js';
import { confirmProbe, type JoinedDetection, joinProtocols, runProbes } from './run-probes.js';

export interface DiagnosisOptions {
  /** The URL that clients use. */
  url: URL;
  /** URLs of the hops behind it, from the client towards the origin. */
  hops: readonly URL[];
  effort: Effort;
  /** Names of probes; null for all. */
  only: readonly string[] | null;
  fields: Readonly<Record<string, string>>;
  insecure: boolean;
  onProgress(text: string): void;
  signal: AbortSignal;
}

export interface Diagnosis {
  url: string;
  effort: string;
  /** Whether the echo origin answered, or the URL was tested as a file. */
  origin: 'echo' | 'file';
  durationMs: number;
  hops: ({ url: string } & Hops)[];
  findings: Finding[];
  /** Names of probes without a finding. */
  passed: string[];
  notTested: { probe: string; reason: string }[];
}

/** No answer came from the URL at all. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** Looks for everything that the chain does to files. Rejects with `Unreachable`. */
export async function diagnose(options: DiagnosisOptions): Promise<Diagnosis> {
  const { url, fields, insecure, effort, only, onProgress, signal } = options;
  const start = performance.now();
  const chains = [url, ...options.hops].map(
    (base) => new Chain({ base, fields, insecure, protocol: 'http/1.1' }),
  );
  const stop = (): void => chains.forEach((chain) => chain.close());
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [outer] = chains as [Chain, ...Chain[]];
    const origin = (await hasEchoOrigin(outer)) ? 'echo' : 'file';
    const all = origin === 'echo' ? probes : fileProbes;
    const chosen = all.filter(({ name }) => only === null || only.includes(name));
    const hops: Diagnosis['hops'] = [];
    for (const chain of chains) hops.push({ url: chain.base.href, ...(await identify(chain)) });
    const http2 = (await speaksHttp2(outer)) ? outer.http2 : null;
    const results = await runProbes(outer, http2, chosen, effort, onProgress, signal);
    const find = async (found: JoinedDetection): Promise<Finding> =>
      toFinding(found, hops, await locate(chains, found, effort, onProgress, signal));
    const joined = joinProtocols(results);
    // As the probes themselves: those that wait do so beside the others.
    const waiting = Promise.all(joined.filter(({ probe }) => probe.isSlow === true).map(find));
    const findings: Finding[] = [];
    for (const found of joined) if (found.probe.isSlow !== true) findings.push(await find(found));
    findings.push(...(await waiting));
    return {
      url: url.href,
      effort: effort.name,
      origin,
      durationMs: Math.round(performance.now() - start),
      hops,
      findings: findings.toSorted((a, b) => rank(a) - rank(b)),
      passed: chosen
        .filter((probe) =>
          results.every(
            (each) => each.probe !== probe || (each.detections.length === 0 && each.reason === null),
          ),
        )
        .map(({ name }) => name),
      notTested: [
        ...results.flatMap(({ probe, protocol, reason }) =>
          reason === null
            ? []
            : [{ probe: probe.name, reason: protocol === 'h2' ? `over HTTP/2: ${reason}` : reason }],
        ),
        ...(origin === 'echo'
          ? []
          : probes.flatMap(({ name }) =>
              only === null || only.includes(name)
                ? [{ probe: name, reason: 'only possible with the echo origin' }]
                : [],
            )),
      ],
    };
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

const severities = ['error', 'warning', 'note'];
const rank = ({ severity }: Finding): number => severities.indexOf(severity);

const HELLO_ATTEMPTS = 3;

/** Asks again after an error: a proxy with short timeouts can fail once. */
async function hasEchoOrigin(chain: Chain): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    const exchange = chain.open({ url: chain.urlOf({ id: chain.newId(), action: 'hello' }) });
    const { how, code } = await exchange.finish(10_000);
    const { head } = exchange;
    if (exchange.beginning.toString().includes(PROTOCOL)) return true;
    if (head !== null && head.status < 500) return false;
    if (attempt < HELLO_ATTEMPTS && code !== 'ECONNREFUSED') continue;
    if (head === null) throw new Unreachable(`${chain.base.href} does not answer (${code ?? how})`);
    return false;
  }
}

/** Whether requests over HTTP/2 are answered. What is wrong otherwise is the finding of a probe. */
async function speaksHttp2(chain: Chain): Promise<boolean> {
  if (chain.base.protocol !== 'https:') return false;
  if ((await negotiate(chain, ['h2', 'http/1.1']).catch(() => '')) !== 'h2') return false;
  const { http2 } = chain;
  const { how } = await http2
    .open({ url: http2.urlOf({ id: http2.newId(), action: 'hello' }) })
    .finish(10_000);
  return how === 'complete';
}

/**
 * The index of the hop that is nearest to the origin and shows the same, with a limit that is not higher; null if the doctor
 * knows only one URL.
 */
async function locate(
  chains: readonly Chain[],
  { probe, detection, protocols }: JoinedDetection,
  effort: Effort,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<number | null> {
  if (chains.length === 1) return null;
  if (probe.isOfFirstHop === true) return 0;
  const { kind } = detection;
  const enough = effortToRepeat(detection, effort);
  for (let i = chains.length - 1; i > 0; i -= 1) {
    const chain = chains[i];
    if (chain === undefined) continue;
    const isHttp2 = !protocols.includes('http/1.1');
    // A hop that does not speak HTTP/2 has no part in what only HTTP/2 shows.
    if (isHttp2 && !(await speaksHttp2(chain))) continue;
    onProgress(`${kind}: looking at ${chain.base.href}`);
    const { detections } = await confirmProbe(isHttp2 ? chain.http2 : chain, probe, enough, signal);
    if (detections.some((each) => each.kind === kind && isCauseOf(each, detection))) return i;
  }
  // A search that was stopped has found nothing.
  return signal.aborted ? null : 0;
}

function toFinding(
  { probe, detection: { kind, message, evidence, product }, protocols }: JoinedDetection,
  hops: Diagnosis['hops'],
  at: number | null,
): Finding {
  const { severity, settings }: Kind = kinds[kind as keyof typeof kinds];
  const { products = [], first = null } = hops[at ?? 0] ?? {};
  // The products of a hop include those of the hops behind it.
  const behind = at === null ? [] : (hops[at + 1]?.products ?? []);
  const added = products.filter((each) => !behind.includes(each));
  const isFirst = first !== null && (probe.isOfFirstHop === true || added.length === 0);
  const own = isFirst ? [first] : added;
  const suspects = product === null || product === undefined ? own : [product];
  const known = (Object.entries(settings) as [Product, string][]).map(([each, setting]) => ({
    product: each,
    setting,
  }));
  const named = known.filter((each) => suspects.includes(each.product));
  // What only shows with a hop in front can be the setting of a hop behind it.
  const certain =
    named.length > 0 || severity !== 'warning'
      ? named
      : known.filter((each) => behind.includes(each.product));
  const others = known.filter((each) => !certain.includes(each));
  // An unknown error page, or a fault that no known product has: there is another hop in the chain.
  const isOther = product === null || suspects.length === 0 || (certain.length === 0 && severity === 'error');
  const candidates = named.length === 1 ? [named[0]?.product ?? null] : suspects.slice(0, 2);
  const culprit = isOther || candidates.length > 1 ? (product ?? null) : (candidates[0] ?? null);
  return {
    id: kind,
    severity,
    message,
    hop: { url: at === null ? null : (hops[at]?.url ?? null), product: culprit },
    settings: isOther ? [...certain, ...others] : certain,
    protocols,
    evidence,
  };
}
