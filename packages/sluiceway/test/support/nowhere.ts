/** A name that does not resolve, and that no name server is asked for: its label is longer than a label may be. */
export const nowhere = `n${'o'.repeat(63)}where.test`;
