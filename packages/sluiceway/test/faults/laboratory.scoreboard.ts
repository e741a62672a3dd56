import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { scratchFolder } from '../support/tool.js';
import type { Fault } from './lab/fault.js';
import { sections } from './lab/faults.js';
import { measure, type Tallies } from './lab/measure.js';
import { findSubjects } from './lab/subjects.js';

/** Enough for every power of two of the largest file. */
const RUNS = 20;

const wanted = process.env['SLUICEWAY_FAULTS_SUBJECTS']?.split(',');

test('what every proxy makes of every fault', { timeout: 3_600_000 }, async ({ net }) => {
  const file = process.env['SLUICEWAY_FAULTS'];
  expect(file, 'SLUICEWAY_FAULTS names the file for the results').toBeDefined();
  const certificate = await loopbackCertificate();
  const folder = scratchFolder(net);
  writeFileSync(join(folder, 'ca.pem'), certificate.ca);
  const subjects: { name: string; version: string; tallies: Tallies }[] = [];
  for (const subject of findSubjects()) {
    const { name, version } = subject;
    if (version === null || (wanted !== undefined && !wanted.includes(name))) continue;
    const start = Date.now();
    subjects.push({ name, version, tallies: await measure(net, subject, folder, certificate, RUNS) });
    process.stderr.write(`${name} ${version}: ${Math.round((Date.now() - start) / 1000)} s\n`);
  }
  const rows = sections.map(({ heading, faults }): [string, Pick<Fault, 'name' | 'expected'>[]] => [
    heading,
    faults.map(({ name, expected }) => ({ name, expected })),
  ]);
  const measured = {
    date: new Date().toISOString(),
    runs: RUNS,
    sections: Object.fromEntries(rows),
    subjects,
  };
  writeFileSync(file as string, JSON.stringify(measured));
});
