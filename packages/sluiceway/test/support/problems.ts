import { OptionsError } from '../../src/options/checker.js';

/** The problems of options, one line each: the path and the message. */
export function problemsOf(call: () => unknown): string[] {
  try {
    call();
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    return error.problems.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}
