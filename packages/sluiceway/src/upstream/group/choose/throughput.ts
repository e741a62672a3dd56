import { roundRobin, type Turn } from './round-robin.js';

/** What the choice by throughput needs of a server. */
export interface Rated extends Turn {
  readonly transfers: number;
  /** Measured bytes per second of one transfer. Null if unknown. */
  readonly bytesPerSecond: number | null;
}

/**
 * The server that promises the highest rate to one more transfer: its measured rate, shared with that transfer, for its
 * weight. A server whose rate is unknown is tried first, with at most one transfer at a time; several such servers take turns.
 */
export function highestThroughput<S extends Rated>(servers: readonly S[]): S {
  let best = servers[0] as S;
  let bestPromise = Number.NEGATIVE_INFINITY;
  let untried = 0;
  for (const server of servers) {
    const { bytesPerSecond, transfers, share } = server;
    const shared = Math.max(1, transfers) / (transfers + 1);
    if (isUntried(server)) untried += 1;
    const promise = bytesPerSecond === null ? share / (transfers + 1) : bytesPerSecond * shared * share;
    if (promise > bestPromise) {
      best = server;
      bestPromise = promise;
    }
  }
  if (untried === 0) return best;
  return roundRobin(untried === servers.length ? servers : servers.filter(isUntried));
}

const isUntried = ({ bytesPerSecond, transfers }: Rated): boolean =>
  bytesPerSecond === null && transfers === 0;
