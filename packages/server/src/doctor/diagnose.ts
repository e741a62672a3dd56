import { Chain, NotTested } from './chain.js';
import type { Effort } from './effort.js';
import type { Detection, Finding, Kind } from './finding.js';
import { type Hops, identify } from './identify.js';
import { kinds } from './kinds.js';
import { PROTOCOL } from './origin/echo-origin.js';
import { formatSeconds, type Probe } from './probe.js';
import { probes } from './probes/all.js';
import { fileProbes } from './probes/file.js';
import type { Product } from './products.js';

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
  const chains = [url, ...options.hops].map((base) => new Chain({ base, fields, insecure }));
  const stop = (): void => chains.forEach((chain) => chain.close());
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [outer] = chains as [Chain, ...Chain[]];
    const origin = (await hasEchoOrigin(outer)) ? 'echo' : 'file';
    const all = origin === 'echo' ? probes : fileProbes;
    const chosen = all.filter(({ name }) => only === null || only.includes(name));
    const hops: Diagnosis['hops'] = [];
    for (const chain of chains) hops.push({ url: chain.base.href, ...(await identify(chain)) });
    const results = await runProbes(outer, chosen, effort, onProgress, signal);
    const findings: Finding[] = [];
    for (const { probe, detections } of results) {
      for (const detection of detections) {
        const at = await locate(chains, probe, detection, effort, onProgress, signal);
        findings.push(toFinding(detection, hops, at));
      }
    }
    return {
      url: url.href,
      effort: effort.name,
      origin,
      durationMs: Math.round(performance.now() - start),
      hops,
      findings: findings.toSorted((a, b) => rank(a) - rank(b)),
      passed: results
        .filter(({ detections, reason }) => detections.length === 0 && reason === null)
        .map(({ probe }) => probe.name),
      notTested: [
        ...results.flatMap(({ probe, reason }) => (reason === null ? [] : [{ probe: probe.name, reason }])),
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

async function hasEchoOrigin(chain: Chain): Promise<boolean> {
  const exchange = chain.open({ url: chain.urlOf({ id: chain.newId(), action: 'hello' }) });
  const { how, code } = await exchange.finish(10_000);
  if (exchange.head === null) throw new Unreachable(`${chain.base.href} does not answer (${code ?? how})`);
  return exchange.beginning.toString().includes(PROTOCOL);
}

interface Result {
  probe: Probe;
  detections: readonly Detection[];
  /** Why it was not tested; null if it was. */
  reason: string | null;
}

/** Runs quick probes one after the other, and those that wait beside them. Results are in the order of `chosen`. */
async function runProbes(
  chain: Chain,
  chosen: readonly Probe[],
  effort: Effort,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<Result[]> {
  const results = new Map<Probe, Result>();
  const run = async (probe: Probe): Promise<void> => {
    results.set(probe, await runProbe(chain, probe, effort, signal));
    onProgress(`${results.size}/${chosen.length} ${probe.title}`);
  };
  const slow = chosen.filter(({ isSlow }) => isSlow);
  if (slow.length > 0)
    onProgress(`${chosen.length} tests, the longest of about ${formatSeconds(effort.silenceMs)}`);
  const waiting = Promise.all(slow.map(run));
  for (const probe of chosen) if (!slow.includes(probe)) await run(probe);
  await waiting;
  return chosen.flatMap((probe) => results.get(probe) ?? []);
}

async function runProbe(chain: Chain, probe: Probe, effort: Effort, signal: AbortSignal): Promise<Result> {
  if (signal.aborted) return { probe, detections: [], reason: 'stopped' };
  try {
    const detections = await probe.run(chain, effort);
    return signal.aborted
      ? { probe, detections: [], reason: 'stopped' }
      : { probe, detections, reason: null };
  } catch (error) {
    if (signal.aborted) return { probe, detections: [], reason: 'stopped' };
    if (!(error instanceof NotTested)) throw error;
    return { probe, detections: [], reason: error.message };
  }
}

/** The index of the hop that is nearest to the origin and shows the same; null if the doctor knows only one URL. */
async function locate(
  chains: readonly Chain[],
  probe: Probe,
  { kind }: Detection,
  effort: Effort,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<number | null> {
  if (chains.length === 1) return null;
  for (let i = chains.length - 1; i > 0; i -= 1) {
    const chain = chains[i];
    if (chain === undefined) continue;
    onProgress(`${kind}: looking at ${chain.base.href}`);
    const { detections } = await runProbe(chain, probe, effort, signal);
    if (detections.some((each) => each.kind === kind)) return i;
  }
  return 0;
}

function toFinding(
  { kind, message, evidence, product }: Detection,
  hops: Diagnosis['hops'],
  at: number | null,
): Finding {
  const { severity, settings }: Kind = kinds[kind as keyof typeof kinds];
  // The products of a hop include those of the hops behind it.
  const behind = at === null ? [] : (hops[at + 1]?.products ?? []);
  const own = (at === null ? (hops[0]?.products ?? []) : (hops[at]?.products ?? [])).filter(
    (each) => !behind.includes(each),
  );
  const suspects = product === null || product === undefined ? own : [product];
  const known = (Object.entries(settings) as [Product, string][]).map(([each, setting]) => ({
    product: each,
    setting,
  }));
  const certain = known.filter((each) => suspects.includes(each.product));
  const others = known.filter((each) => !certain.includes(each));
  // An unknown error page, or a fault that no known product has: there is another hop in the chain.
  const isOther = product === null || suspects.length === 0 || (certain.length === 0 && severity === 'error');
  const candidates = certain.length === 1 ? [certain[0]?.product ?? null] : suspects.slice(0, 2);
  const culprit = isOther || candidates.length > 1 ? (product ?? null) : (candidates[0] ?? null);
  return {
    id: kind,
    severity,
    message,
    hop: { url: at === null ? null : (hops[at]?.url ?? null), product: culprit },
    settings: isOther ? [...certain, ...others] : certain,
    evidence,
  };
}
