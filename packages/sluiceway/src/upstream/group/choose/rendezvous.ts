import { hashText } from '../server.js';

/** What rendezvous hashing needs of a server. */
export interface Hashed {
  readonly share: number;
  readonly hash: number;
}

/**
 * Rendezvous hashing: the server whose hash together with the key is highest. When a server leaves, only its own keys
 * move, and each to another server; when it returns, they come back. With weights, the score is `-weight / ln(hash)`, so
 * that a server gets its share of the keys, and a changed weight moves only the difference.
 */
export function rendezvous<S extends Hashed>(servers: readonly S[], key: string): S {
  const keyHash = hashText(key);
  let best = servers[0] as S;
  /** The lowest -ln(hash) / share, which is the highest score. */
  let lowest = Number.POSITIVE_INFINITY;
  for (const server of servers) {
    const rest = 1 - (mix(server.hash, keyHash) + 0.5) / 2 ** 32;
    // -ln(1 - rest) is never less than rest, so that most servers need no logarithm.
    if (rest >= lowest * server.share) continue;
    const value = -Math.log(1 - rest) / server.share;
    if (value >= lowest) continue;
    best = server;
    lowest = value;
  }
  return best;
}

/** Mixes two hashes with the finalizer of MurmurHash3, so that similar keys get unrelated numbers. */
function mix(one: number, other: number): number {
  let hash = one ^ Math.imul(other, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  hash ^= other;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) >>> 0;
}
