import { SluicewayError } from '../../../errors.js';
import type { UpstreamServer } from '../server.js';
import type { BalancedRequest, KeyOf } from './hash-key.js';
import { fewestBytes, fewestTransfers } from './least.js';
import { randomOfTwo } from './random-of-two.js';
import { rendezvous } from './rendezvous.js';
import { roundRobin } from './round-robin.js';
import { viewOf } from './server-view.js';
import { highestThroughput } from './throughput.js';

/** What the choice depends on in a server. Round robin keeps its state there. */
interface Candidate extends UpstreamServer {
  readonly hash: number;
  turn: number;
}

/** Chooses one of the servers that are available. There is at least one. */
export type Choose = <S extends Candidate>(servers: readonly S[], request: BalancedRequest) => S;

/** The ways to choose a server. */
export const balanceWords = [
  'round-robin',
  'least-transfers',
  'least-bytes',
  'throughput',
  'random-of-two',
  'hash',
  'ordered',
] as const;

export type Balance = (typeof balanceWords)[number];

/**
 * Chooses one of the servers that are available, of which there is at least one. Undefined leaves the choice to round
 * robin. Called for each request and each retry, so it should be quick.
 */
export type BalanceFunction = (
  servers: readonly UpstreamServer[],
  request: BalancedRequest,
) => UpstreamServer | undefined;

/** The choice by a function of the application. Throws if it returns something else than one of the servers. */
export function toOwnChoice(balance: BalanceFunction): Choose {
  const views = new WeakMap<UpstreamServer, UpstreamServer>();
  const toView = (server: UpstreamServer): UpstreamServer => {
    let view = views.get(server);
    if (view === undefined) {
      view = viewOf(server);
      views.set(server, view);
    }
    return view;
  };
  return (servers, request) => {
    // A list of its own: the function may sort it, or take servers out of it.
    const chosen = balance(servers.map(toView), request);
    if (chosen === undefined) return roundRobin(servers);
    const found = servers.find((server) => views.get(server) === chosen);
    if (found !== undefined) return found;
    throw new SluicewayError(
      'proxy_configuration_error',
      'balance has chosen a server that is not available',
    );
  };
}

/** `keyOf` returns the key of a request, for `hash`. A request without one is sent round robin. */
export function toChoose(balance: Balance, keyOf: KeyOf): Choose {
  switch (balance) {
    case 'round-robin':
      return roundRobin;
    case 'least-transfers':
      return (servers) => fewestTransfers(servers);
    case 'least-bytes':
      return (servers) => fewestBytes(servers);
    case 'throughput':
      return highestThroughput;
    case 'random-of-two':
      return (servers) => randomOfTwo(servers);
    case 'hash':
      return (servers, request) => {
        const key = keyOf(request);
        return key === null ? roundRobin(servers) : rendezvous(servers, key);
      };
    case 'ordered':
      return first;
  }
}

/** The first server in the order of the list. */
function first<S>(servers: readonly S[]): S {
  // The caller has made sure that there is one.
  return servers[0] as S;
}
