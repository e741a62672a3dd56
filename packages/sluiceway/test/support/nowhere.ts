/** A name that does not resolve, without a query to a name server: its label is longer than allowed. */
export const nowhere = `n${'o'.repeat(63)}where.test`;
