// Lists the behaviours that the titles of the tests state. No test runs for it; titles are taken with their tables
// resolved.
//   npm run conformance                      writes all of them to coverage/conformance.md
//   npm run conformance -- "RFC 9110 7.6.1"  prints those of one source
//   npm run conformance -- --check           checks that docs/conformance.md has a row for every standard, and no other
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createVitest } from 'vitest/node';
import { projects, readBehaviours, readPage } from './conformance/behaviours.mjs';
import { formatList } from './conformance/list.mjs';
import { compareRows, rowOf } from './conformance/rows.mjs';
import { root } from './support.mjs';

/** @import { Behaviour } from './conformance/list.mjs' */

/** @returns {Promise<{ behaviours: Behaviour[], problems: string[] }>} */
async function collectBehaviours() {
  // A machine without the tools that some tests need has the same titles.
  delete process.env['SLUICEWAY_REQUIRE_ALL'];
  // One thread for all files: nothing runs in them, so nothing can be left behind.
  const vitest = await createVitest('test', {
    root,
    watch: false,
    project: projects,
    pool: 'threads',
    isolate: false,
    reporters: [{}],
    silent: true,
  });
  try {
    const { testModules, unhandledErrors } = await vitest.collect();
    const problems = [
      ...unhandledErrors.map((error) => String(error)),
      ...testModules.flatMap((module) =>
        module.errors().map(({ message }) => `${module.relativeModuleId}: ${message}`),
      ),
    ];
    const read = readBehaviours(testModules);
    return { behaviours: read.behaviours, problems: [...problems, ...read.problems] };
  } finally {
    await vitest.close();
  }
}

const argument = process.argv[2];
const page = readPage();
const { behaviours, problems } = await collectBehaviours();
if (argument === '--check') {
  problems.push(...compareRows(page, behaviours));
} else if (argument !== undefined) {
  for (const { text, sources, file } of behaviours)
    if (sources.some((source) => source === argument || rowOf(page, source) === argument))
      console.log(`${text}\n    ${file}`);
} else if (problems.length === 0) {
  mkdirSync(join(root, 'coverage'), { recursive: true });
  writeFileSync(join(root, 'coverage/conformance.md'), formatList(behaviours));
}
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? `conformance: ${behaviours.length} behaviours` : 'conformance: see above',
);
process.exitCode = problems.length === 0 ? 0 : 1;
