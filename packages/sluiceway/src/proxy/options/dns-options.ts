import { isIP } from 'node:net';
import { checkResolver } from '../../net/guard-options.js';
import { NameServers } from '../../net/name-servers.js';
import type { Resolver } from '../../net/resolver.js';
import { systemResolver } from '../../net/system-resolver.js';
import type { Checker } from '../../options/checker.js';
import { group, list } from '../../options/composites.js';
import { custom, duration } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';
import type { NameSettings } from '../../upstream/group/resolve/server-names.js';

const nameServer = custom<string, string | undefined>({
  type: 'address',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) => {
    const text = check.string(path, value, undefined);
    return text === undefined ? undefined : check.parsed(path, text, undefined, parseNameServer);
  },
});

const dnsMembers = {
  /**
   * Name servers, by address, with the port if it is not 53: `192.0.2.1:5353`. They alone are asked then. By
   * default the hosts file, the name servers of the system and the operating system are. Default: none.
   */
  servers: list(nameServer, {
    type: 'list of addresses',
    doc: 'Name servers, by address, with the port if it is not 53: `192.0.2.1:5353`. They alone are asked then. By default the hosts file, the name servers of the system and the operating system are.',
  }),
  /**
   * How long an answer is used before the name is resolved again. By default as long as its TTL says, at
   * least a second and at most five minutes; 30 seconds if there is none, as with SRV records, since Node
   * does not tell it. Default: none.
   */
  refresh: duration({
    min: 1,
    doc: 'How long an answer is used before the name is resolved again. By default as long as its TTL says, at least a second and at most five minutes; 30 seconds if there is none, as with SRV records, since Node does not tell it.',
  }),
  /**
   * `{ resolve(hostname), resolveSrv(name) }`, which return promises of `[{ address, family, ttl }]` and `[{
   * name, port, priority, weight }]`, in place of `servers`. `ttl`, in seconds, and `resolveSrv` are
   * optional. Default: none.
   */
  resolver: custom<Resolver, Resolver | undefined>({
    type: '`Resolver`',
    doc: '`{ resolve(hostname), resolveSrv(name) }`, which return promises of `[{ address, family, ttl }]` and `[{ name, port, priority, weight }]`, in place of `servers`. `ttl`, in seconds, and `resolveSrv` are optional.',
    schema: null,
    read: (check, path, value) => check.parsed(path, value as Resolver | undefined, undefined, checkResolver),
  }),
};

export interface DnsOptions extends OptionsOf<typeof dnsMembers> {}
export interface DnsValues extends SettingsOf<typeof dnsMembers> {}

export const dnsOption = group<DnsOptions, DnsValues>(dnsMembers, {
  doc: 'How the names of servers with `resolve` are resolved.',
});

/** Adds the problem of options that exclude each other. `path` is that of the options. */
export function toNameSettings(
  check: Checker,
  path: string,
  { servers, refresh, resolver }: DnsValues,
): NameSettings {
  if (servers !== undefined && resolver !== undefined)
    check.problem(`${path}.resolver`, 'must not be given together with servers');
  if (servers?.length === 0 && check.problems.length === 0)
    check.problem(`${path}.servers`, 'must contain a name server');
  const own = servers === undefined || servers.length === 0 ? undefined : new NameServers(servers);
  return { resolver: resolver ?? own ?? systemResolver, refreshMs: refresh ?? null };
}

function parseNameServer(text: string): string {
  if (isIP(text) !== 0) return text;
  const [, v6, v4 = v6 ?? '', port = '0'] =
    /^(?:\[([\da-f:.]{2,45})\]|([\d.]{7,15})):(\d{1,5})$/i.exec(text) ?? [];
  if (isIP(v4) !== 0 && Number(port) > 0 && Number(port) < 65_536) return text;
  throw new TypeError('must be an IP address, with a port if it is not 53');
}
