import type { ReloadProblem } from '../admin/control.js';
import { ConfigError } from '../config/config-error.js';

/** The problems that an error of a reload reports, for the admin listener. */
export function problemsOf(error: Error): ReloadProblem[] {
  if (!(error instanceof ConfigError))
    return [{ path: '', message: error.message, file: null, line: null, column: null }];
  return error.problems.map(({ path, message, position }) => ({
    path,
    message,
    file: error.file,
    line: position?.line ?? null,
    column: position?.column ?? null,
  }));
}
