import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { findProblems } from './conformance/behaviours.mjs';
import { root } from './support.mjs';

/**
 * @import { Reporter, SerializedError, TestModule } from 'vitest/node'
 * @import { UserConsoleLog } from 'vitest'
 */

const linesOfAnError = 5;
const longestLine = 300;

/**
 * A vitest reporter that leaves the counts, what has failed and why tests were skipped, for scripts/test.mjs. That
 * prints them, since vitest itself goes on printing (coverage) after its last reporter has been called.
 *
 * @implements {Reporter}
 */
export default class CountReporter {
  /**
   * What test/support/requirements.ts says of the tools that are missing, each once.
   *
   * @readonly
   * @type {Set<string>}
   */
  #skips = new Set();

  /** @param {UserConsoleLog} log */
  onUserConsoleLog({ content }) {
    for (const [, reason = ''] of content.matchAll(/^skipped: (.*)$/gm)) this.#skips.add(reason);
  }

  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly SerializedError[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const path = process.env['SLUICEWAY_TEST_COUNTS'];
    if (path === undefined) return;
    let passed = 0;
    /** @type {string[]} */
    const failures = [];
    // What is outside a test and fails the run all the same: an error in a file, a hook, or nobody's.
    for (const error of unhandledErrors) failures.push(describeFailure('outside every test', [error]));
    for (const module of modules) {
      const file = relative(root, module.moduleId);
      for (const error of module.errors()) failures.push(describeFailure(file, [error]));
      for (const suite of module.children.allSuites())
        for (const error of suite.errors())
          failures.push(describeFailure(`${file} > ${suite.fullName}`, [error]));
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failures.push(describeFailure(`${file} > ${test.fullName}`, errors));
      }
    }
    // A run of all tests has all titles, so it need not collect them again.
    if (process.env['SLUICEWAY_WHOLE_RUN'] === '1')
      for (const problem of findProblems(modules)) failures.push(describeFailure(problem, []));
    writeFileSync(
      path,
      JSON.stringify({
        passed,
        failed: failures.length,
        failures,
        skips: Array.from(this.#skips).toSorted((a, b) => a.localeCompare(b)),
      }),
    );
  }
}

/**
 * @param {string} what
 * @param {readonly SerializedError[]} errors
 */
function describeFailure(what, errors) {
  const lines = errors.flatMap(({ message, stacks }) => {
    const said = stripVTControlCharacters(message).split('\n').slice(0, linesOfAnError);
    const [frame] = stacks ?? [];
    if (frame !== undefined) said.push(`at ${relative(root, frame.file)}:${frame.line}`);
    return said.map((line) => `    ${line.slice(0, longestLine)}`);
  });
  return [`failed: ${what}`, ...lines].join('\n');
}
