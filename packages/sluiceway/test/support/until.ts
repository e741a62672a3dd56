/** The real `setTimeout`, even while a test has stopped time. */
const { setTimeout: wait } = globalThis;

/**
 * Waits for a condition without an event, such as a count that falls to zero. The deadline is generous: reaching it is a
 * failure, not a measurement.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited ${deadlineMs} ms in vain until ${what}`);
    await new Promise((resolve) => wait(resolve, 2));
  }
}
