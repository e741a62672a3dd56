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
  // Of servers with one weight, the highest hash has the highest score: only these need a logarithm.
  const weights: number[] = [];
  const leaders: { server: S; mixed: number }[] = [];
  for (const server of servers) {
    const mixed = mix(server.hash, keyHash);
    const at = weights.indexOf(server.share);
    // An index of -1 would be slow.
    const leader = at < 0 ? undefined : leaders[at];
    if (leader === undefined) {
      weights.push(server.share);
      leaders.push({ server, mixed });
    } else if (mixed > leader.mixed) {
      leader.server = server;
      leader.mixed = mixed;
    }
  }
  let best = servers[0] as S;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const { server, mixed } of leaders) {
    const score = -server.share / Math.log((mixed + 0.5) / 2 ** 32);
    if (score > bestScore) {
      best = server;
      bestScore = score;
    }
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
