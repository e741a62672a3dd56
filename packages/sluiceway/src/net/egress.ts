import { parseBaseTarget } from '../http/target.js';
import type { Destination } from './destination.js';
import type { DialTlsOptions } from './dial-tls.js';
import { createTrustedPeers } from './trusted-peers.js';

/** An HTTP proxy between us and origin servers, which are reached through its tunnels (RFC 9110 section 9.3.6). */
export interface EgressProxy extends Destination {
  /** The value of Proxy-Authorization, a secret; null for none. */
  readonly authorization: string | null;
  /** For a proxy that is reached over TLS. Default: what Node trusts. */
  readonly tls?: DialTlsOptions;
}

/** Which connections go through which proxy, as plain data. */
export interface Egress {
  readonly http: EgressProxy | null;
  readonly https: EgressProxy | null;
  /** Destinations that are connected to directly, in the language of `NO_PROXY`. */
  readonly except: readonly string[];
}

/** Every connection through one proxy. Throws a `TypeError` that never repeats the URL: it may hold a password. */
export function parseEgress(url: string | URL): Egress {
  const proxy = parseEgressProxy(url);
  return { http: proxy, https: proxy, except: [] };
}

/**
 * What the environment says to every program: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, read as Go and curl do. The
 * lower-case name of each comes first, an empty one counts as absent. Throws a `TypeError` that names the variable.
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
  // What is on this machine no other machine can reach for us.
  const local = ['localhost', '127.0.0.0/8', '::1'];
  return {
    http: readProxy('HTTP_PROXY'),
    https: readProxy('HTTPS_PROXY'),
    except: [...local, ...except],
  };
}

/** The proxy to go through, or null for a direct connection. */
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
    throw new TypeError('must have its user name and password in percent-encoding');
  }
  if (user.includes(':') || /\p{Cc}/u.test(user + password))
    throw new TypeError('must have no colon in its user name, and no control characters');
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

/**
 * `*`; an address or CIDR range; a name, which stands for the names under it as well; `.name` or `*.name` for those
 * only. All but ranges may have a port. What cannot be read matches nothing: the variable was not written for us.
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
