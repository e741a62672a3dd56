import type { TestCertificate } from '../../support/certificates.js';
import { Dice } from '../../support/dice.js';
import type { Network } from '../../support/fixture.js';
import { atATime } from './at-a-time.js';
import { CONTROLS } from './controls.js';
import { drawDownload } from './draw.js';
import type { Fault, LineName } from './fault.js';
import { sections } from './faults.js';
import { LabOrigin } from './origin.js';
import type { Subject } from './subjects.js';
import { judge, type Verdict } from './verdict.js';

/** How often each verdict came of one fault. */
type Tally = Partial<Record<Verdict, number>>;

/** What one proxy has made of all faults, by the name of their section and their own. */
export type Tallies = Record<string, Record<string, Tally>>;

/** What ends a fault that has not ended. All proxies give up on silence after a second, where they can. */
const HANG_MS = 6000;
const SLOW_HANG_MS = 12_000;

/** Faults that are tried at a time: most wait. */
const PARALLEL = 6;

/** Has a proxy face every fault, `runs` times each. */
export async function measure(
  net: Network,
  subject: Subject,
  folder: string,
  certificate: TestCertificate,
  runs: number,
): Promise<Tallies> {
  const open = async (identity?: TestCertificate, mirrors = 0) => {
    const origin = await LabOrigin.start(identity, mirrors);
    net.cleanup(() => origin.stop());
    return { origin, port: await subject.start(net, origin, folder, identity) };
  };
  const lines: Record<LineName, Awaited<ReturnType<typeof open>> | null> = {
    plain: await open(),
    secure: await open(certificate),
    mirrored: subject.takesMirrors ? await open(undefined, 2) : null,
  };
  const tallies: Tallies = {};
  const tasks: (() => Promise<void>)[] = [];
  for (const { heading, faults } of sections) {
    const ofSection: Record<string, Tally> = {};
    tallies[heading] = ofSection;
    for (const fault of faults) {
      const tally: Tally = {};
      ofSection[fault.name] = tally;
      const line = lines[fault.line ?? 'plain'];
      if (line === null) continue;
      tasks.push(async () => {
        await Promise.all(
          Array.from({ length: runs }, async (_, run) => {
            const verdict = await face(fault, line.origin, line.port, run);
            tally[verdict] = (tally[verdict] ?? 0) + 1;
          }),
        );
      });
    }
  }
  await Promise.all(atATime(PARALLEL, tasks));
  for (const [name, { whole }] of Object.entries(tallies[CONTROLS] ?? {}))
    if (whole !== runs)
      throw new Error(`${subject.name} is not set up right: a response ${name} does not pass`);
  return tallies;
}

function face(fault: Fault, origin: LabOrigin, port: number, run: number): Promise<Verdict> {
  const download = drawDownload(fault.draw, new Dice(1 + run * 7919), run);
  return judge(origin, port, download, fault.slow ? SLOW_HANG_MS : HANG_MS);
}
