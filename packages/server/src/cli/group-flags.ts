import { randomBytes } from 'node:crypto';
import { type Command, Option } from 'commander';
import type { UpstreamOptions } from 'sluiceway';
import { findSpec, proxyOptions } from 'sluiceway/options';
import { readNumber } from './option-flags.js';
import { collect } from './serve-flags.js';
import { UsageError } from './usage-error.js';

/** The flags for several origin servers, as given on the command line. */
export interface GroupFlags {
  balance?: NonNullable<UpstreamOptions['balance']>;
  hashKey?: string;
  health?: string;
  retries?: string;
  ejectAfter?: string;
  whenDown?: NonNullable<UpstreamOptions['whenDown']>;
  resolve?: 'addresses' | 'srv';
  dnsServer?: string[];
  hedge?: string;
  maxTransfers?: string;
  maxConnections?: string;
  queueTimeout?: string;
  sticky?: string;
  slowStart?: string;
}

/** Flag of each option, for error messages. */
export const groupFlagOf: Readonly<Record<string, string>> = {
  'upstream.servers': '<origin-url>',
  'upstream.hashKey': '--hash-key',
  'upstream.health': '--health',
  'upstream.retry.max': '--retries',
  'upstream.passive.failures': '--eject-after',
  'upstream.dns.servers': '--dns-server',
  'upstream.hedge.after': '--hedge',
  'upstream.queue.timeout': '--queue-timeout',
  'upstream.sticky.cookie': '--sticky',
  'upstream.slowStart': '--slow-start',
};

export function addGroupFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--balance <mode>',
        'how one of several origin servers is chosen for each request; without it they take turns',
      ).choices(wordsOf('balance')),
    )
    .option(
      '--hash-key <key>',
      'what decides with --balance hash: path, uri, client, header:<name>, cookie:<name> or query:<name>',
    )
    .option(
      '--health <path>',
      'request this path of each origin server at intervals, and send no requests to those that fail',
    )
    .option(
      '--retries <n>',
      'most retries of one request at other origin servers, before its response begins',
    )
    .option(
      '--eject-after <n>',
      'failures in a row after which an origin server gets no requests for a while; "off": it always gets them',
    )
    .addOption(
      new Option(
        '--when-down <mode>',
        'what happens when all origin servers are down: "try" them anyway, or "refuse" with 503',
      ).choices(wordsOf('whenDown')),
    )
    .addOption(
      new Option(
        '--resolve <kind>',
        'resolve the name of each origin URL, again and again, and use every server that it leads to: "addresses" are those of the name, "srv" the servers of its SRV records',
      ).choices(['addresses', 'srv']),
    )
    .option(
      '--dns-server <address>',
      'ask this name server, host or host:port, for --resolve; can be repeated; without it those of the system',
      collect,
    )
    .option(
      '--hedge <time>',
      'ask a second origin server too if the first has not answered a GET within this time; "p95": the 95th percentile',
    )
    .option('--max-transfers <n>', 'most transfers at a time of each origin server; further requests wait')
    .option(
      '--max-connections <n>',
      'most connections at a time to each origin server; over HTTP/1.1 further requests wait',
    )
    .option('--queue-timeout <duration>', 'how long a request waits for an origin server before it gets 503')
    .option('--sticky <cookie>', 'keep each client at one origin server, with a cookie of this name')
    .option(
      '--slow-start <duration>',
      'how long an origin server that has come back gets less than its share of requests',
    );
}

/** The options of the upstream. Several URLs are a group of servers, and so is one with a flag for groups. */
export function toServers(originUrls: readonly string[], flags: GroupFlags): UpstreamOptions {
  const { balance, hashKey, health, retries, ejectAfter, whenDown, maxTransfers, ...more } = flags;
  const { hedge, maxConnections, queueTimeout, sticky, slowStart, resolve, dnsServer } = more;
  const given = [balance, hashKey, health, retries, ejectAfter, whenDown];
  const others = [hedge, maxTransfers, maxConnections, queueTimeout, sticky, slowStart, resolve];
  if (dnsServer !== undefined && resolve === undefined) throw new UsageError('--dns-server: needs --resolve');
  if (hashKey !== undefined && balance !== 'hash') throw new UsageError('--hash-key: needs --balance hash');
  const [url = ''] = originUrls;
  if (originUrls.length === 1 && [...given, ...others].every((value) => value === undefined)) return { url };
  const max = readNumber('--retries', retries);
  const failures = ejectAfter === 'off' ? false : readNumber('--eject-after', ejectAfter);
  const transfers = readMost('--max-transfers', maxTransfers);
  const connections = readMost('--max-connections', maxConnections);
  const ofServer = {
    ...(transfers !== undefined && { maxTransfers: transfers }),
    ...(connections !== undefined && { maxConnections: connections }),
    ...(resolve !== undefined && { resolve }),
  };
  return {
    servers:
      Object.keys(ofServer).length === 0
        ? originUrls
        : originUrls.map((each) => ({ url: each, ...ofServer })),
    ...(dnsServer !== undefined && { dns: { servers: dnsServer } }),
    ...(balance !== undefined && { balance }),
    ...(hashKey !== undefined && { hashKey }),
    ...(health !== undefined && { health }),
    ...(max !== undefined && { retry: { max } }),
    ...(failures !== undefined && { passive: { failures } }),
    ...(whenDown !== undefined && { whenDown }),
    ...(hedge !== undefined && { hedge: { after: hedge } }),
    ...(queueTimeout !== undefined && { queue: { timeout: queueTimeout } }),
    // All workers get the same secret.
    ...(sticky !== undefined && {
      sticky: { cookie: sticky, secret: randomBytes(32).toString('base64url') },
    }),
    ...(slowStart !== undefined && { slowStart }),
  };
}

/** A limit of each server. Checked here, since the library would name each server in place of the flag. */
function readMost(flag: string, text: string | undefined): number | undefined {
  const most = readNumber(flag, text);
  if (most === 0) throw new UsageError(`${flag}: must be at least 1`);
  return most;
}

/** The words of an option of the upstream. */
function wordsOf(name: string): string[] {
  const schema = findSpec(proxyOptions, `upstream.${name}`)?.schema();
  return Array.isArray(schema?.['enum']) ? schema['enum'].map(String) : [];
}
