import type { Load } from './least.js';

/**
 * Of two servers chosen at random by weight, the one with fewer transfers for its weight. Several proxies that choose the
 * same least loaded server at the same moment would overload it; with two random candidates they do not.
 *
 * With different weights, both candidates may be the same server: otherwise the light ones would be candidates too often, and
 * get more than their share.
 */
export function randomOfTwo<S extends Load>(servers: readonly S[], random: () => number = Math.random): S {
  const first = servers[0] as S;
  if (servers.length === 1) return first;
  let total = 0;
  let areEqual = true;
  for (const { share } of servers) {
    total += share;
    areEqual &&= share === first.share;
  }
  const one = atWeight(servers, random() * total, null);
  const other = areEqual
    ? atWeight(servers, random() * (total - one.share), one)
    : atWeight(servers, random() * total, null);
  // Without the transfer to come: the weights have decided between idle servers already.
  return other.transfers / other.share < one.transfers / one.share ? other : one;
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
