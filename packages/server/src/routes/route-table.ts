import { pathForms } from 'sluiceway/guard';
import type { HostPattern } from './host-pattern.js';
import { wildcardsOf } from './host-pattern.js';
import { comparePatterns, looseForm, matches, type PathPattern, segmentsOf } from './path-pattern.js';

/** The requests that a route matches. */
export interface RouteMatch {
  /** Empty for any host. */
  hosts: readonly HostPattern[];
  path: PathPattern;
  /** Null for all methods. GET includes HEAD. */
  methods: ReadonlySet<string> | null;
}

export interface RouteEntry {
  match: RouteMatch;
  /** Equal for routes to which the same clients have access. */
  accessKey: string;
}

/** The properties by which a request is matched. */
export interface RouteQuery {
  /** Without a port, in lower case; null if the request has none. */
  host: string | null;
  /** As received, without the query. */
  path: string;
  method: string;
}

export type Found<R> =
  | { route: R }
  /** There are routes for the host and path, but only for these methods. */
  | { allow: readonly string[] }
  /** Servers read the path differently, and it leads to routes with different access. */
  | 'ambiguous'
  | 'none';

interface Row<R> {
  route: R;
  path: PathPattern;
  loose: PathPattern;
  methods: ReadonlySet<string> | null;
}

/**
 * Finds the most specific route. An exact host comes before a wildcard, a longer wildcard before a shorter one, and both
 * before routes for any host. Then the path decides, then whether the route names methods, then the order in the file.
 */
export class RouteTable<R extends RouteEntry> {
  /** Rows by host; `''` for any host. */
  readonly #rows = new Map<HostPattern, Row<R>[]>();
  readonly #hasSeveralAccess: boolean;
  /** The rows for any host alone: if no route names a host, that is where all are. */
  readonly #ofAnyHost: readonly Row<R>[][];
  readonly #namesHosts: boolean;
  readonly #only: R | null;

  constructor(routes: readonly R[]) {
    for (const route of routes) {
      const { hosts, path, methods } = route.match;
      const row: Row<R> = { route, path, loose: looseForm(path), methods };
      for (const host of hosts.length === 0 ? [''] : hosts) {
        const rows = this.#rows.get(host) ?? [];
        rows.push(row);
        this.#rows.set(host, rows);
      }
    }
    for (const rows of this.#rows.values()) rows.sort(compareRows);
    const rowsOfAnyHost = this.#rows.get('');
    this.#ofAnyHost = rowsOfAnyHost === undefined ? [] : [rowsOfAnyHost];
    this.#namesHosts = this.#rows.size > this.#ofAnyHost.length;
    const [first] = routes;
    this.#only = routes.length === 1 && first !== undefined && matchesAll(first.match) ? first : null;
    this.#hasSeveralAccess = new Set(routes.map(({ accessKey }) => accessKey)).size > 1;
  }

  /** The only route, if it matches every request. Null otherwise. */
  get only(): R | null {
    return this.#only;
  }

  find(query: RouteQuery): Found<R> {
    const candidates = this.#candidates(query.host);
    const exact = findRow(candidates, segmentsOf(query.path), query.method, 'path');
    if (exact.row !== null) {
      const isAmbiguous = this.#hasSeveralAccess && this.#isAmbiguous(candidates, query, exact.row.route);
      return isAmbiguous ? 'ambiguous' : { route: exact.row.route };
    }
    return exact.allow.size === 0 ? 'none' : { allow: [...exact.allow] };
  }

  /** All routes in the order in which they are tried, for hosts in alphabetical order. */
  get inOrder(): R[] {
    const hosts = [...this.#rows.keys()].toSorted(compareHosts);
    return [...new Set(hosts.flatMap((host) => (this.#rows.get(host) ?? []).map(({ route }) => route)))];
  }

  #candidates(host: string | null): readonly Row<R>[][] {
    if (!this.#namesHosts) return this.#ofAnyHost;
    const hosts = host === null ? [''] : [host, ...wildcardsOf(host), ''];
    return hosts.flatMap((each) => {
      const rows = this.#rows.get(each);
      return rows === undefined ? [] : [rows];
    });
  }

  /**
   * An origin server may decode or normalize a path before using it. If the result is a path of a route with other access,
   * a client with access to one route could reach the other.
   */
  #isAmbiguous(candidates: readonly Row<R>[][], { path, method }: RouteQuery, route: R): boolean {
    const forms = pathForms(path);
    if (forms === null) return true;
    return forms.some((form) => {
      const other = findRow(candidates, segmentsOf(form), method, 'loose').row;
      return other !== null && other.route.accessKey !== route.accessKey;
    });
  }
}

const matchesAll = ({ hosts, path, methods }: RouteMatch): boolean =>
  hosts.length === 0 && path.isOpen && path.segments.length === 0 && methods === null;

const NO_METHODS: ReadonlySet<string> = new Set();

function findRow<R>(
  candidates: readonly Row<R>[][],
  path: readonly string[],
  method: string,
  form: 'path' | 'loose',
): { row: Row<R> | null; allow: ReadonlySet<string> } {
  let allow: Set<string> | null = null;
  for (const rows of candidates) {
    for (const row of rows) {
      if (!matches(row[form], path)) continue;
      if (row.methods === null || row.methods.has(method)) return { row, allow: NO_METHODS };
      allow ??= new Set();
      for (const each of row.methods) allow.add(each);
    }
  }
  return { row: null, allow: allow ?? NO_METHODS };
}

const compareRows = <R>(a: Row<R>, b: Row<R>): number =>
  comparePatterns(a.path, b.path) || Number(a.methods === null) - Number(b.methods === null);

/** Exact hosts, then wildcards from the longest, then any. */
function compareHosts(a: HostPattern, b: HostPattern): number {
  const rank = (host: HostPattern): number => (host === '' ? 2 : host.startsWith('*.') ? 1 : 0);
  return rank(a) - rank(b) || (rank(a) === 1 ? b.length - a.length : 0) || a.localeCompare(b);
}
