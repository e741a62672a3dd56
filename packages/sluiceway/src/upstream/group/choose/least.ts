/** What the comparison of loads needs of a server. */
export interface Load {
  readonly weight: number;
  readonly transfers: number;
  readonly bytesInFlight: number;
}

/** The server with the fewest running transfers for its weight. Equal ones are chosen at random. */
export function fewestTransfers<S extends Load>(
  servers: readonly S[],
  random: () => number = Math.random,
): S {
  return least(servers, transfersFor, noTie, random);
}

/**
 * The server with the fewest bytes in flight for its weight. Of equal ones, that with the fewest transfers: before their
 * heads arrive, lengths are unknown.
 */
export function fewestBytes<S extends Load>(servers: readonly S[], random: () => number = Math.random): S {
  return least(servers, bytesFor, transfersFor, random);
}

/** With one more transfer, so that idle servers are compared by weight too. */
export const transfersFor = ({ transfers, weight }: Load): number => (transfers + 1) / weight;

const bytesFor = ({ bytesInFlight, weight }: Load): number => bytesInFlight / weight;

const noTie = (): number => 0;

function least<S extends Load>(
  servers: readonly S[],
  costOf: (server: Load) => number,
  tieOf: (server: Load) => number,
  random: () => number,
): S {
  let best = servers[0] as S;
  let bestCost = costOf(best);
  let bestTie = tieOf(best);
  let equal = 1;
  for (let index = 1; index < servers.length; index += 1) {
    const server = servers[index] as S;
    const cost = costOf(server);
    if (cost > bestCost) continue;
    const tie = tieOf(server);
    if (cost === bestCost && tie > bestTie) continue;
    if (cost === bestCost && tie === bestTie) {
      // Each of n equal servers is kept with the probability 1/n.
      equal += 1;
      if (random() * equal >= 1) continue;
    } else {
      equal = 1;
    }
    best = server;
    bestCost = cost;
    bestTie = tie;
  }
  return best;
}
