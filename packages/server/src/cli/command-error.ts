/** What was asked for is well said and cannot be done: shown as one line, exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
