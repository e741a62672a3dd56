import type { Server } from './server.js';

/**
 * The own zone gets all requests as long as this part of its weight, inverted, is available: 1.4 means from 72 % on, as
 * in Envoy.
 */
const OVERPROVISIONING = 1.4;

/** The servers that a request can go to. */
export interface Candidates {
  /** Those that are usually chosen from. Empty if no server is available. */
  readonly first: readonly Server[];
  /** Servers in other zones that take over a part of the requests. */
  readonly spill: readonly Server[];
  /** The part of the requests that goes to `spill`. */
  readonly spillShare: number;
}

/**
 * Those of `servers`, which are all of the group, that satisfy `isUsable`, narrowed down: to the lowest tier that has any,
 * and then to those of the own zone. If the own zone has lost servers, its requests spill over to other
 * zones as far as the rest cannot take them. `zone` is null if zones do not matter.
 */
export function toCandidates(
  servers: readonly Server[],
  zone: string | null,
  isUsable: (server: Server) => boolean,
): Candidates {
  let tier = Number.POSITIVE_INFINITY;
  let usable: Server[] = [];
  for (const server of servers) {
    if (server.tier > tier || server.weight === 0 || !isUsable(server)) continue;
    if (server.tier < tier) {
      ({ tier } = server);
      usable = [];
    }
    usable.push(server);
  }
  const isOwn = (server: Server): boolean => server.zone === zone;
  if (zone === null || !usable.some(isOwn)) return { first: usable, spill: NONE, spillShare: 0 };
  const first = usable.filter(isOwn);
  const spill = usable.filter((server) => !isOwn(server));
  const whole = sumOfWeights(servers.filter((server) => isOwn(server) && server.tier === tier));
  const share = Math.min(1, (OVERPROVISIONING * sumOfWeights(first)) / whole);
  return { first, spill, spillShare: spill.length === 0 ? 0 : 1 - share };
}

const sumOfWeights = (servers: readonly Server[]): number =>
  servers.reduce((sum, { weight }) => sum + weight, 0);

const NONE: readonly Server[] = [];
