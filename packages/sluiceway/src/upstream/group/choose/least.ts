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

/** The positions of equal servers. Reused, since a list for each choice would cost more than the comparison. */
const equals: number[] = [];

function least<S extends Load>(servers: readonly S[], comparesBytes: boolean, random: () => number): S {
  let bestBytes = Number.POSITIVE_INFINITY;
  let bestTransfers = Number.POSITIVE_INFINITY;
  let equal = 0;
  for (let index = 0; index < servers.length; index += 1) {
    const server = servers[index] as S;
    // Idle servers need no division.
    const bytes = comparesBytes && server.bytesInFlight > 0 ? server.bytesInFlight / server.share : 0;
    if (bytes > bestBytes) continue;
    const transfers = transfersFor(server);
    const isSame = bytes === bestBytes && transfers === bestTransfers;
    if (bytes === bestBytes && transfers > bestTransfers) continue;
    equal = isSame ? equal : 0;
    equals[equal] = index;
    equal += 1;
    bestBytes = bytes;
    bestTransfers = transfers;
  }
  const chosen = equal === 1 ? 0 : Math.floor(random() * equal);
  // The caller has made sure that there is a server.
  return servers[equals[chosen] ?? 0] as S;
}
