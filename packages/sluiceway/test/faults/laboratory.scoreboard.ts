import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { scratchFolder } from '../support/tool.js';
import type { Fault } from './lab/fault.js';
import { sections } from './lab/faults.js';
import { measure, RUNS, type Tallies } from './lab/measure.js';
import { findSubjects } from './lab/subjects.js';

const file = process.env['SLUICEWAY_FAULTS'];
const wanted = process.env['SLUICEWAY_FAULTS_SUBJECTS']?.split(',');
const present = findSubjects().filter(
  ({ name, version }) => version !== null && (wanted === undefined || wanted.includes(name)),
);
const subjects: { name: string; version: string | null; tallies: Tallies }[] = [];

test.for(present)('what $name makes of every fault', { timeout: 900_000 }, async (subject, { net }) => {
  const certificate = await loopbackCertificate();
  const folder = scratchFolder(net);
  writeFileSync(join(folder, 'ca.pem'), certificate.ca);
  const { name, version } = subject;
  const start = Date.now();
  subjects.push({ name, version, tallies: await measure(net, subject, folder, certificate) });
  process.stderr.write(`${name} ${version}: ${Math.round((Date.now() - start) / 1000)} s\n`);
});

afterAll(() => {
  expect(file, 'SLUICEWAY_FAULTS names the file for the results').toBeDefined();
  const rows = sections.map(
    ({ heading, faults }): [string, Required<Pick<Fault, 'name' | 'expected' | 'line'>>[]] => [
      heading,
      faults.map(({ name, expected, line = 'plain' }) => ({ name, expected, line })),
    ],
  );
  const measured = {
    date: new Date().toISOString(),
    runs: RUNS,
    sections: Object.fromEntries(rows),
    subjects,
  };
  writeFileSync(file as string, JSON.stringify(measured));
});
