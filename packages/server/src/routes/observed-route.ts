/** What observers are told of a route. */
export interface ObservedRoute {
  name: string;
  /** Whether its transfers are logged. */
  log: boolean;
  /** Its configured upstreams: scheme, host and port. */
  upstreams: readonly string[];
}

/** A route that a configuration does not name. */
export const unnamedRoute = (name: string): ObservedRoute => ({ name, log: true, upstreams: [] });
