import { writeFileSync } from 'node:fs';

/** @import { Reporter, TestModule } from 'vitest/node' */

/**
 * A vitest reporter that leaves the counts for scripts/test.mjs. That prints them, since vitest itself
 * goes on printing (coverage) after its last reporter has been called.
 *
 * @implements {Reporter}
 */
export default class CountReporter {
  /**
   * @param {readonly TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const path = process.env['SLUICEWAY_TEST_COUNTS'];
    if (path === undefined) return;
    let passed = 0;
    // What is outside a test and fails the run all the same: an error in a file, a hook, or nobody's.
    let failed = unhandledErrors.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failed += 1;
      }
    }
    writeFileSync(path, JSON.stringify({ passed, failed }));
  }
}
