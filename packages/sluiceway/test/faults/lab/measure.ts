import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { TestCertificate } from '../../support/certificates.js';
import { Dice } from '../../support/dice.js';
import type { Network } from '../../support/fixture.js';
import { atATime } from './at-a-time.js';
import { CONTROLS } from './controls.js';
import { drawDownload } from './draw.js';
import type { Fault, LineName } from './fault.js';
import { sections } from './faults.js';
import { LabOrigin } from './origin.js';
import { READ_TIMEOUT_MS, type Subject } from './subjects.js';
import { judge, type Verdict } from './verdict.js';

/** How often each verdict came of one fault. */
type Tally = Partial<Record<Verdict, number>>;

/** What one proxy has made of all faults, by the name of their section and their own. */
export type Tallies = Record<string, Record<string, Tally>>;

/** What ends a fault that has not ended. All proxies give up on silence before that, where they can. */
const HANG_MS = 6000;
const SLOW_HANG_MS = 12_000;

/** Faults that are tried at a time: most wait. */
const PARALLEL = 5;

/** Downloads for each fault: enough for every power of two of the largest file. */
export const RUNS = 20;

/** An origin server with a proxy before it. */
interface Started {
  origin: LabOrigin;
  port: number;
}

/** As `measureOnce`, and again where this machine was too busy for the result to mean anything. */
export async function measure(...given: Parameters<typeof measureOnce>): Promise<Tallies> {
  for (let tries = 1; ; tries += 1) {
    const lag = monitorEventLoopDelay();
    lag.enable();
    const tallies = await measureOnce(...given);
    lag.disable();
    const lagMs = Math.round(lag.max / 1e6);
    if (lagMs < READ_TIMEOUT_MS / 2) return tallies;
    if (tries === 3)
      throw new Error(`The machine is too busy: the origin server stood still for ${lagMs} ms`);
  }
}

/** Has a proxy face every fault. */
async function measureOnce(
  net: Network,
  subject: Subject,
  folder: string,
  certificate: TestCertificate,
): Promise<Tallies> {
  const open = async (identity?: TestCertificate, mirrors = 0): Promise<Started> => {
    const origin = await LabOrigin.start(identity, mirrors);
    net.cleanup(() => origin.stop());
    return { origin, port: await subject.start(net, origin, folder, identity) };
  };
  const lines: Record<LineName, Started | null> = {
    plain: await open(),
    secure: await open(certificate),
    mirrored: subject.takesMirrors ? await open(undefined, 2) : null,
  };
  const tallies: Tallies = {};
  for (const { heading, faults } of sections) {
    const tasks = faults.map((fault) => async (): Promise<[string, Tally]> => {
      const line = lines[fault.line ?? 'plain'];
      const runs = line === null ? [] : Array.from({ length: RUNS }, (_, run) => face(fault, line, run));
      return [fault.name, count(await Promise.all(runs))];
    });
    const ofSection = Object.fromEntries(await Promise.all(atATime(PARALLEL, tasks)));
    tallies[heading] = ofSection;
    const failed = Object.entries(ofSection).filter(([, { whole }]) => whole !== RUNS);
    // The controls come first, and alone.
    if (heading === CONTROLS && failed.length > 0)
      throw new Error(`${subject.name} is misconfigured: ${JSON.stringify(failed)}`);
  }
  return tallies;
}

function count(seen: readonly Verdict[]): Tally {
  const tally: Tally = {};
  for (const verdict of seen) tally[verdict] = (tally[verdict] ?? 0) + 1;
  return tally;
}

function face(fault: Fault, { origin, port }: Started, run: number): Promise<Verdict> {
  const download = drawDownload(fault.draw, new Dice(1 + run * 7919), run);
  return judge(origin, port, download, fault.slow ? SLOW_HANG_MS : HANG_MS);
}
