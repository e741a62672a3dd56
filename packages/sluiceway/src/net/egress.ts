import { parseBaseTarget } from '../http/target.js';
import type { Destination } from './destination.js';
import type { DialTlsOptions } from './dial-tls.js';
import { createTrustedPeers } from './trusted-peers.js';

/** An HTTP proxy through whose tunnels origin servers are reached (RFC 9110 section 9.3.6). */
export interface EgressProxy extends Destination {
  /** The value of Proxy-Authorization, a secret. Null for none. */
  readonly authorization: string | null;
  /** TLS options for a proxy that is reached over TLS. Default: Node's trusted certificates. */
  readonly tls?: DialTlsOptions;
}

/** Which connections use which proxy, as plain data. */
export interface Egress {
  readonly http: EgressProxy | null;
  readonly https: EgressProxy | null;
  /** Destinations that are connected to directly, in the syntax of `NO_PROXY`. */
  readonly except: readonly string[];
}

/**
 * Sends every connection through one proxy. Throws a `TypeError` that does not contain the URL, which can hold a
 * password.
 */
export function parseEgress(url: string | URL): Egress {
  const proxy = parseEgressProxy(url);
  return { http: proxy, https: proxy, except: [] };
}

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` from the environment, as Go and curl do. The lower-case name of each
 * takes precedence. An empty variable counts as absent. Throws a `TypeError` that names the variable.
 */
export function readEgressEnvironment(environment: Readonly<Record<string, string | undefined>>): Egress {
  const read = (name: string): string =>
    [name.toLowerCase(), name].map((each) => environment[each] ?? '').find((value) => value !== '') ?? '';
  const readProxy = (name: string): EgressProxy | null => {
    const value = read(name);
    if (value === '') return null;
    try {
      return parseEgressProxy(value.includes('://') ? value : `http://${value}`);
    } catch (error) {
      throw new TypeError(`names the environment, whose ${name} ${(error as Error).message}`, {
        cause: error,
      });
    }
  };
  const except = read('NO_PROXY')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  // Another machine cannot reach services on this machine.
  const local = ['localhost', '127.0.0.0/8', '::1'];
  return {
    http: readProxy('HTTP_PROXY'),
    https: readProxy('HTTPS_PROXY'),
    except: [...local, ...except],
  };
}

/** Returns the proxy to use, or null for a direct connection. */
export function decideEgress(egress: Egress, destination: Destination): EgressProxy | null {
  if (egress.except.some((entry) => matches(entry, destination))) return null;
  return destination.protocol === 'https:' ? egress.https : egress.http;
}

function parseEgressProxy(url: string | URL): EgressProxy {
  const text = url instanceof URL ? url.href : url;
  const [, scheme = '', userinfo = null] = /^(https?:\/\/)(?:([^/?#]*)@)?/i.exec(text) ?? [];
  const rest = userinfo === null ? text : scheme + text.slice(scheme.length + userinfo.length + 1);
  const { protocol, hostname, port, path, query } = parseBaseTarget(rest);
  if ((path !== '' && path !== '/') || query !== '') throw new TypeError('must not have a path or a query');
  return { protocol, hostname, port, authorization: userinfo === null ? null : toBasic(userinfo) };
}

/** RFC 7617 section 2. */
function toBasic(userinfo: string): string {
  const colon = userinfo.indexOf(':');
  let user: string;
  let password: string;
  try {
    user = decodeURIComponent(colon < 0 ? userinfo : userinfo.slice(0, colon));
    password = colon < 0 ? '' : decodeURIComponent(userinfo.slice(colon + 1));
  } catch {
    throw new TypeError('must have a percent-encoded user name and password');
  }
  if (user.includes(':') || /\p{Cc}/u.test(user + password))
    throw new TypeError('must have no colon in its user name and no control characters');
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

/**
 * Matches an entry of `NO_PROXY`: `*`; an address or CIDR range; a name, which includes names under it; `.name` or
 * `*.name` for those only. All except ranges can have a port. An invalid entry matches nothing and is not an error,
 * because the variable also serves other programs.
 */
function matches(entry: string, { hostname, port }: Destination): boolean {
  if (entry === '*') return true;
  if (matchesAddress(entry, hostname)) return true;
  const [, host = entry, onlyPort] = /^(.*):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (matchesAddress(bare, hostname)) return true;
  const name = bare.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  if (name === '') return false;
  const asked = hostname.toLowerCase().replace(/\.$/, '');
  return name.startsWith('.') ? asked.endsWith(name) : asked === name || asked.endsWith(`.${name}`);
}

function matchesAddress(range: string, address: string): boolean {
  try {
    return createTrustedPeers([range]).includes(address);
  } catch {
    return false;
  }
}
