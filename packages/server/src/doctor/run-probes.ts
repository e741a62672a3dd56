import { type Chain, NotTested, type Protocol } from './chain.js';
import type { Effort } from './effort.js';
import type { Detection } from './finding.js';
import { formatSeconds, type Probe } from './probe.js';

/** What a probe has found over one protocol. */
interface Result {
  probe: Probe;
  protocol: Protocol;
  detections: readonly Detection[];
  /** Why it was not tested; null if it was. */
  reason: string | null;
}

/**
 * Runs quick probes one after the other, and those that wait beside them, and then again over HTTP/2 if there is a chain that
 * speaks it. Results are in the order of `chosen`.
 */
export async function runProbes(
  chain: Chain,
  http2: Chain | null,
  chosen: readonly Probe[],
  effort: Effort,
  onProgress: (text: string) => void,
  signal: AbortSignal,
): Promise<Result[]> {
  const runs = [
    ...chosen.map((probe) => ({ probe, chain })),
    ...(http2 === null
      ? []
      : chosen.filter(({ isHttp1 }) => isHttp1 !== true).map((probe) => ({ probe, chain: http2 }))),
  ];
  const results: Result[] = [];
  const run = async (each: { probe: Probe; chain: Chain }): Promise<void> => {
    results.push(await confirmProbe(each.chain, each.probe, effort, signal));
    const over = each.chain === http2 ? ' over HTTP/2' : '';
    onProgress(`${results.length}/${runs.length} ${each.probe.title}${over}`);
  };
  const slow = runs.filter(({ probe }) => probe.isSlow);
  if (slow.length > 0)
    onProgress(`${runs.length} tests, the longest of about ${formatSeconds(effort.silenceMs)}`);
  const waiting = Promise.all(slow.map(run));
  for (const each of runs) if (!slow.includes(each)) await run(each);
  await waiting;
  return results.toSorted((a, b) => chosen.indexOf(a.probe) - chosen.indexOf(b.probe));
}

/** A probe that could not test anything, and took longer, is not repeated. */
const LONG_MS = 20_000;

/**
 * Runs a probe until two runs agree: what a busy machine or network does once is not a finding. A kind that the second run
 * does not find is a finding if a third one finds it again.
 */
export async function confirmProbe(
  chain: Chain,
  probe: Probe,
  effort: Effort,
  signal: AbortSignal,
): Promise<Result> {
  const run = (): Promise<Result> => runProbe(chain, probe, effort, signal);
  const start = performance.now();
  let first = await run();
  if (first.reason !== null && performance.now() - start < LONG_MS) first = await run();
  if (first.detections.length === 0 || probe.isExact === true) return first;
  const runs = [first, await run()];
  const kindsOf = ({ detections }: Result): string[] => detections.map(({ kind }) => kind);
  const agree = runs.every((each) => kindsOf(each).toString() === kindsOf(first).toString());
  if (!agree) runs.push(await run());
  // The detections of each kind are those of the run that has found it first.
  const found = runs.flatMap(({ detections }) => detections);
  const detections = found.filter(
    ({ kind }, i) =>
      found.findIndex((each) => each.kind === kind) === i &&
      runs.filter((each) => kindsOf(each).includes(kind)).length > 1,
  );
  return signal.aborted ? await run() : { ...first, detections };
}

/** Runs one probe. */
async function runProbe(chain: Chain, probe: Probe, effort: Effort, signal: AbortSignal): Promise<Result> {
  const { protocol } = chain;
  const stopped: Result = { probe, protocol, detections: [], reason: 'stopped' };
  if (signal.aborted) return stopped;
  try {
    const detections = await probe.run(chain, effort);
    return signal.aborted ? stopped : { probe, protocol, detections, reason: null };
  } catch (error) {
    if (signal.aborted) return stopped;
    if (!(error instanceof NotTested)) throw error;
    return { probe, protocol, detections: [], reason: error.message };
  }
}

/** What was found, and over which protocols. */
export interface JoinedDetection {
  probe: Probe;
  detection: Detection;
  protocols: readonly Protocol[];
}

/** Joins what was found over both protocols, and says so of what only one of two shows. */
export function joinProtocols(results: readonly Result[]): JoinedDetection[] {
  return results.flatMap(({ probe, protocol, detections }) => {
    const other = results.find((each) => each.probe === probe && each.protocol !== protocol);
    return detections.flatMap((detection): JoinedDetection[] => {
      const isInBoth = other?.detections.some(({ kind }) => kind === detection.kind) ?? false;
      if (isInBoth && protocol === 'h2') return [];
      const protocols = detection.protocols ?? (isInBoth ? (['http/1.1', 'h2'] as const) : [protocol]);
      const isOnly = !isInBoth && other !== undefined && other.reason === null;
      const over = protocol === 'h2' ? 'HTTP/2' : 'HTTP/1.1';
      const message = isOnly ? `${detection.message} (only over ${over})` : detection.message;
      return [{ probe, detection: { ...detection, message }, protocols }];
    });
  });
}
