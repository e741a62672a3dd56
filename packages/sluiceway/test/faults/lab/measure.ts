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

/** How often each verdict occurred for one fault. */
type Tally = Partial<Record<Verdict, number>>;

/** The results of one proxy for all faults, by the names of the section and the fault. */
export type Tallies = Record<string, Record<string, Tally>>;

/** After this time, a download counts as hanging. Proxies with a timeout for silence give up before. */
const HANG_MS = 6000;
const SLOW_HANG_MS = 12_000;

/** Faults that run at a time. Most of them only wait. */
const PARALLEL = 5;

/** Downloads for each fault: enough for every power of two of the largest file. */
export const RUNS = 20;

/** An origin server with a proxy in front of it. */
interface Started {
  origin: LabOrigin;
  port: number;
}

/** Like `measureOnce`. Repeats the measurement if this machine was too busy for a meaningful result. */
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

/** Runs every fault against a proxy. */
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
    // The controls come first.
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
