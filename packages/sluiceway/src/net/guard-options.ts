import { either, list } from '../options/composites.js';
import { custom, integer, oneOf } from '../options/kinds.js';
import type { OptionsOf } from '../options/spec.js';
import { createAddressPolicy } from './address-policy.js';
import { parseHostPattern } from './host-pattern.js';
import type { Resolver } from './resolver.js';

/** Text that `parse` accepts. */
const parsedText = (type: string, parse: (text: string) => unknown) =>
  custom<string, string | undefined>({
    type,
    schema: { type: 'string', minLength: 1 },
    read: (check, path, value) =>
      check.parsed(path, value as string | undefined, undefined, (text) => {
        parse(text);
        return text;
      }),
  });

const addressRule = parsedText('addresses and CIDR ranges', (text) =>
  createAddressPolicy({ allow: [text], base: 'public' }),
);
const hostRule = parsedText('hosts and URLs', parseHostPattern);

export const guardOptions = {
  /**
   * Addresses and CIDR ranges that are allowed although they are not public. With a port, the rule applies to
   * that port only, and allows it: `10.0.0.0/8:8080`, `[fd00::/8]:8080`. Takes precedence over
   * `denyAddresses`. Default: none.
   */
  allowAddresses: list(addressRule, {
    default: [],
    doc: 'Addresses and CIDR ranges that are allowed although they are not public. With a port, the rule applies to that port only, and allows it: `10.0.0.0/8:8080`, `[fd00::/8]:8080`. Takes precedence over `denyAddresses`.',
  }),
  /** Addresses that are refused although they are public. Default: none. */
  denyAddresses: list(addressRule, {
    default: [],
    doc: 'Addresses that are refused although they are public.',
  }),
  /** Allowed ports, or `'any'`. Mail servers and databases listen on other ports. Default: 80, 443. */
  allowPorts: either(oneOf(['any'], {}), list(integer({ min: 1, max: 65_535, type: 'ports' }), {}), {
    type: "list of ports or `'any'`",
    defaultText: '80, 443',
    takesSecond: (value) => value !== 'any',
    doc: "Allowed ports, or `'any'`. Mail servers and databases listen on other ports.",
  }),
  /**
   * Allowed hosts or URLs: `files.example.com`, `*.example.com`, `https://example.com/public/*`. A path that
   * a server may interpret as one outside the pattern is not allowed. Default: any.
   */
  allowHosts: list(hostRule, {
    defaultText: 'any',
    doc: 'Allowed hosts or URLs: `files.example.com`, `*.example.com`, `https://example.com/public/*`. A path that a server may interpret as one outside the pattern is not allowed.',
  }),
  /**
   * Refused hosts or URLs. Takes precedence over `allowHosts`. See below for patterns with a path. Default:
   * none.
   */
  denyHosts: list(hostRule, {
    default: [],
    doc: 'Refused hosts or URLs. Takes precedence over `allowHosts`. See below for patterns with a path.',
  }),
  /** Allowed schemes of URLs. Default: `http`, `https`. */
  schemes: list(oneOf(['http', 'https'], {}), {
    type: "list of `'http'` and `'https'`",
    defaultText: '`http`, `https`',
    doc: 'Allowed schemes of URLs.',
  }),
  /**
   * `{ resolve(hostname, client) }`, which returns a promise of `[{ address, family }]`. Use it for another
   * name server, or a cache. `client` is the address of the client, or null. The guard checks every address
   * that it returns. Default: the hosts file, DNS and the operating system.
   */
  resolver: custom<Resolver, Resolver | undefined>({
    type: '`Resolver`',
    defaultText: '[the hosts file, DNS and the operating system](options.md#how-names-are-resolved)',
    doc: '`{ resolve(hostname, client) }`, which returns a promise of `[{ address, family }]`. Use it for another name server, or a cache. `client` is the address of the client, or null. The guard checks every address that it returns.',
    schema: null,
    read: (check, path, value) => check.parsed(path, value as Resolver | undefined, undefined, checkResolver),
  }),
};

/** Restricts where URLs that others supply may lead. Default: public addresses, ports 80 and 443. */
export interface GuardOptions extends OptionsOf<typeof guardOptions> {}

/** Throws a `TypeError` if it is no resolver. */
export function checkResolver(resolver: Resolver): Resolver {
  if (typeof resolver?.resolve === 'function') return resolver;
  throw new TypeError('must have a resolve method');
}
