import { describeThrown } from '../../errors.js';

/** Reports an error of an application's function that cannot be reported elsewhere. */
export function warnOf(what: string, thrown: unknown): void {
  process.emitWarning(`${what} has failed: ${describeThrown(thrown)}`, 'SluicewayHandlerWarning');
}

/** Calls such a function and waits for its result. */
export async function callSafely(what: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (thrown) {
    warnOf(what, thrown);
  }
}
