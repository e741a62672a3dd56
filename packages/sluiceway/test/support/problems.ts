import { OptionsError } from '../../src/options/checker.js';

/** What is wrong with options, a line for each problem: its path, and what it must be. */
export function problemsOf(call: () => unknown): string[] {
  try {
    call();
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}
