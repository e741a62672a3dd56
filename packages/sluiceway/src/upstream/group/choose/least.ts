import { roundRobin, type Turn } from './round-robin.js';

/** What the comparison of loads needs of a server. */
export interface Load extends Turn {
  readonly transfers: number;
  readonly bytesInFlight: number;
}

/**
 * The bytes that a transfer counts for beside its own: what a request costs a server whatever its size. Otherwise the sizes
 * of small files, most of which are sent at once, would decide, and not the weights.
 */
const BYTES_OF_TRANSFER = 65_536;

/** The server with the fewest running transfers for its weight. Equal ones are chosen at random, and idle ones in turn. */
export function fewestTransfers<S extends Load>(
  servers: readonly S[],
  random: () => number = Math.random,
): S {
  return least(servers, transfersFor, random);
}

/** The server with the fewest bytes in flight for its weight. Equal ones are chosen as by `fewestTransfers`. */
export function fewestBytes<S extends Load>(servers: readonly S[], random: () => number = Math.random): S {
  return least(servers, bytesFor, random);
}

/** With one more transfer, so that the weights matter for the first ones too. */
const transfersFor = ({ transfers, share }: Load): number => (transfers + 1) / share;

const bytesFor = ({ transfers, bytesInFlight, share }: Load): number =>
  (bytesInFlight + (transfers + 1) * BYTES_OF_TRANSFER) / share;

/** The positions of equal servers. Reused, since a list for each choice would cost more than the comparison. */
const equals: number[] = [];

function least<S extends Load>(
  servers: readonly S[],
  loadOf: (server: Load) => number,
  random: () => number,
): S {
  let best = Number.POSITIVE_INFINITY;
  let equal = 0;
  let idle = 0;
  for (let index = 0; index < servers.length; index += 1) {
    const server = servers[index] as S;
    if (server.transfers === 0) idle += 1;
    const load = loadOf(server);
    if (load > best) continue;
    equal = load === best ? equal : 0;
    equals[equal] = index;
    equal += 1;
    best = load;
  }
  const chosen = equal === 1 ? 0 : Math.floor(random() * equal);
  // The caller has made sure that there is a server.
  const server = servers[equals[chosen] ?? 0] as S;
  // Of idle servers, the heaviest would otherwise get all requests that come one after the other.
  return idle > 1 && server.transfers === 0 ? inTurn(servers, idle) : server;
}

/** Of the idle servers, the one whose turn it is. */
function inTurn<S extends Load>(servers: readonly S[], idle: number): S {
  return roundRobin(idle === servers.length ? servers : servers.filter(({ transfers }) => transfers === 0));
}
