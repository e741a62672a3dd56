/** What round robin needs of a server. */
export interface Turn {
  readonly share: number;
  /** The current weight. Changed by each choice. */
  turn: number;
}

/**
 * Smooth weighted round robin, as in nginx: each choice adds the weight of every server to its current weight, takes the
 * highest, and subtracts the sum of all weights from it. With the weights 5, 1, 1 the order is a a b a c a a, not a a a a
 * a b c.
 */
export function roundRobin<S extends Turn>(servers: readonly S[]): S {
  let total = 0;
  let best = servers[0] as S;
  let bestTurn = Number.NEGATIVE_INFINITY;
  for (const server of servers) {
    const turn = server.turn + server.share;
    server.turn = turn;
    total += server.share;
    if (turn > bestTurn) {
      best = server;
      bestTurn = turn;
    }
  }
  best.turn -= total;
  return best;
}
