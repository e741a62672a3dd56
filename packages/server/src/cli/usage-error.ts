/** A command line that is not valid. Shown as one line; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs `read`. If it throws, throws a `UsageError` that names the flag. */
export function readFlag<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError(`${flag}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
