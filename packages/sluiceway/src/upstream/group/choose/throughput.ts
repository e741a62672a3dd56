/** What the choice by throughput needs of a server. */
export interface Rated {
  readonly share: number;
  readonly transfers: number;
  /** Measured bytes per second of one transfer. Null if unknown. */
  readonly bytesPerSecond: number | null;
}

/**
 * The server that promises the highest rate to one more transfer: its measured rate, shared with that transfer, for its
 * weight. A server whose rate is unknown is tried first, with at most one transfer at a time.
 */
export function highestThroughput<S extends Rated>(servers: readonly S[]): S {
  let best = servers[0] as S;
  let bestPromise = Number.NEGATIVE_INFINITY;
  for (const server of servers) {
    const { bytesPerSecond, transfers, share } = server;
    const shared = Math.max(1, transfers) / (transfers + 1);
    const unknown = transfers === 0 ? Number.MAX_VALUE : 1 / (transfers + 1);
    const promise = bytesPerSecond === null ? unknown * share : bytesPerSecond * shared * share;
    if (promise > bestPromise) {
      best = server;
      bestPromise = promise;
    }
  }
  return best;
}
