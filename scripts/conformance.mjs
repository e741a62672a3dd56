// `npm run conformance` writes docs/conformance.md out of the titles of the tests; with --check it compares only,
// and says how to mend a page that is out of date. Titles are taken as they are when the tests run, tables
// resolved; no test is run for it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { createVitest } from 'vitest/node';
import { formatPage } from './conformance/page.mjs';
import { readTitles } from './conformance/titles.mjs';
import { root } from './support.mjs';

/** @import { TestCase } from 'vitest/node' */
/** @import { Difference, Row } from './conformance/page.mjs' */

const path = join(root, 'docs/conformance.md');

/** @returns {Promise<{ rows: Row[], problems: string[] }>} */
async function collectRows() {
  // A machine without the tools that some tests need has the same titles.
  delete process.env['SLUICEWAY_REQUIRE_ALL'];
  // One thread for all files: nothing runs in them, so nothing can be left behind.
  const vitest = await createVitest('test', {
    root,
    watch: false,
    project: ['source', 'alone'],
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
    /** @type {Row[]} */
    const rows = [];
    for (const module of testModules) {
      const file = relative(root, module.moduleId).replaceAll(sep, '/');
      for (const test of module.children.allTests()) {
        const read = readTitles(titlesOf(test));
        problems.push(...read.problems.map((problem) => `${file}: ${problem}`));
        if (read.behaviour !== null) rows.push({ ...read.behaviour, file });
      }
    }
    return { rows, problems };
  } finally {
    await vitest.close();
  }
}

/**
 * @param {TestCase} test
 * @returns {string[]}
 */
function titlesOf(test) {
  const titles = [test.name];
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name);
  return titles;
}

const differences = /** @type {Difference[]} */ (
  JSON.parse(readFileSync(join(root, 'docs/conformance-differences.json'), 'utf8'))
);
const { rows, problems } = await collectRows();
const page = formatPage(rows, differences);
if (process.argv.includes('--check')) {
  if (page !== readFileSync(path, 'utf8'))
    problems.push(
      'docs/conformance.md is not what the titles of the tests say: `npm run conformance` writes it',
    );
} else if (problems.length === 0) {
  writeFileSync(path, page);
}
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? `conformance: ${rows.length} behaviours` : 'conformance: see above');
process.exitCode = problems.length === 0 ? 0 : 1;
