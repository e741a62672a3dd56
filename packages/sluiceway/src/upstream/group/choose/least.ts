/** What the comparison of loads needs of a server. */
export interface Load {
  readonly share: number;
  readonly transfers: number;
  readonly bytesInFlight: number;
}

/** The server with the fewest running transfers for its weight. Equal ones are chosen at random. */
export function fewestTransfers<S extends Load>(
  servers: readonly S[],
  random: () => number = Math.random,
): S {
  return least(servers, false, random);
}

/**
 * The server with the fewest bytes in flight for its weight. Of equal ones, that with the fewest transfers: before their
 * heads arrive, lengths are unknown.
 */
export function fewestBytes<S extends Load>(servers: readonly S[], random: () => number = Math.random): S {
  return least(servers, true, random);
}

/** With one more transfer, so that idle servers are compared by weight too. */
export const transfersFor = ({ transfers, share }: Load): number => (transfers + 1) / share;

function least<S extends Load>(servers: readonly S[], comparesBytes: boolean, random: () => number): S {
  let best = servers[0] as S;
  let bestBytes = Number.POSITIVE_INFINITY;
  let bestTransfers = Number.POSITIVE_INFINITY;
  let equal = 0;
  for (const server of servers) {
    const bytes = comparesBytes ? server.bytesInFlight / server.share : 0;
    if (bytes > bestBytes) continue;
    const transfers = transfersFor(server);
    if (bytes === bestBytes && transfers > bestTransfers) continue;
    const isEqual = bytes === bestBytes && transfers === bestTransfers;
    equal = isEqual ? equal + 1 : 1;
    // Each of n equal servers is kept with the probability 1/n.
    if (isEqual && random() * equal >= 1) continue;
    best = server;
    bestBytes = bytes;
    bestTransfers = transfers;
  }
  return best;
}
