import { type Load, transfersFor } from './least.js';

/**
 * Of two servers chosen at random by weight, the one with fewer transfers for its weight. Several proxies that choose the
 * same least loaded server at the same moment would overload it; with two random candidates they do not.
 */
export function randomOfTwo<S extends Load>(servers: readonly S[], random: () => number = Math.random): S {
  if (servers.length === 1) return servers[0] as S;
  let total = 0;
  for (const { share } of servers) total += share;
  const one = atWeight(servers, random() * total, null);
  const other = atWeight(servers, random() * (total - one.share), one);
  // The weights have decided between idle servers already.
  if (one.transfers === 0 && other.transfers === 0) return one;
  return transfersFor(other) < transfersFor(one) ? other : one;
}

/** The server at a position in the sum of the weights, with `without` left out. */
function atWeight<S extends Load>(servers: readonly S[], position: number, without: S | null): S {
  let left = position;
  let last = servers[0] as S;
  for (const server of servers) {
    if (server === without) continue;
    last = server;
    left -= server.share;
    if (left < 0) return server;
  }
  return last;
}
