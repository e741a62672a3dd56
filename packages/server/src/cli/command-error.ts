/** A valid command that cannot be carried out. Shown as one line; exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
