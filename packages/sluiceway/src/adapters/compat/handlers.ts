import { describeThrown } from '../../errors.js';

/** Reports what a function of the application's has thrown where nothing else can come of it. */
export function warnOf(what: string, thrown: unknown): void {
  process.emitWarning(`${what} has failed: ${describeThrown(thrown)}`, 'SluicewayHandlerWarning');
}

/** Calls such a function, and waits for what it returns. */
export async function callSafely(what: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (thrown) {
    warnOf(what, thrown);
  }
}
