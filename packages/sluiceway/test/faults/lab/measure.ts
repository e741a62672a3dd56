import type { TestCertificate } from '../../support/certificates.js';
import { Dice } from '../../support/dice.js';
import type { Network } from '../../support/fixture.js';
import { drawDownload } from './draw.js';
import type { Fault } from './fault.js';
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
  const plain = await LabOrigin.start();
  net.cleanup(() => plain.raw.stop());
  const secure = await LabOrigin.start(certificate);
  net.cleanup(() => secure.raw.stop());
  const lines = {
    plain: { origin: plain, port: await subject.start(net, plain, folder) },
    secure: { origin: secure, port: await subject.start(net, secure, folder, certificate) },
  };
  const tallies: Tallies = {};
  const waiting: (() => Promise<void>)[] = [];
  for (const { heading, faults } of sections) {
    const ofSection: Record<string, Tally> = {};
    tallies[heading] = ofSection;
    for (const fault of faults) {
      const tally: Tally = {};
      ofSection[fault.name] = tally;
      waiting.push(async () => {
        const { origin, port } = lines[fault.secure ? 'secure' : 'plain'];
        await Promise.all(
          Array.from({ length: runs }, async (_, run) => {
            const verdict = await face(fault, origin, port, run);
            tally[verdict] = (tally[verdict] ?? 0) + 1;
          }),
        );
      });
    }
  }
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return tallies;
}

function face(fault: Fault, origin: LabOrigin, port: number, run: number): Promise<Verdict> {
  const download = drawDownload(fault.draw, new Dice(1 + run * 7919), run);
  return judge(origin, port, download, fault.slow ? SLOW_HANG_MS : HANG_MS);
}
