import type { Command } from 'commander';
import type { LimitRuleOptions } from 'sluiceway';
import { type AccessFlags, toAccessRule } from './access-flags.js';
import { readFlag, UsageError } from './usage-error.js';

/** The flags of one rule of `limits.rules`. */
export interface LimitFlags {
  limitBy?: string;
  limitRate?: string;
  limitUploadRate?: string;
  limitTransfers?: string;
  limitRequests?: string;
  limitBytes?: string;
}

const KINDS = ['client', 'identity', 'link', 'route', 'upstream', 'all'] as const;

/** Flag of each option, for error messages. */
export const limitFlagOf: Readonly<Record<string, string>> = {
  'limits.rules[0].by': '--limit-by',
  'limits.rules[0].by.header': '--limit-by',
  'limits.rules[0].download': '--limit-rate',
  'limits.rules[0].upload': '--limit-upload-rate',
  'limits.rules[0].transfers': '--limit-transfers',
  'limits.rules[0].requests': '--limit-requests',
  'limits.rules[0].requests.count': '--limit-requests',
  'limits.rules[0].requests.per': '--limit-requests',
  'limits.rules[0].bytes': '--limit-bytes',
  'limits.rules[0].bytes.count': '--limit-bytes',
  'limits.rules[0].bytes.per': '--limit-bytes',
};

export function addLimitFlags(command: Command): Command {
  return command
    .option(
      '--limit-by <key>',
      'whose transfers share the --limit flags: client, identity, link, route, upstream, all, or header:<name>; by default those of a client',
    )
    .option('--limit-rate <size>', 'bytes per second to a client, for all its transfers together')
    .option('--limit-upload-rate <size>', 'bytes per second from a client, for all its uploads together')
    .option('--limit-transfers <n>', 'transfers of a client at a time; further ones get 429')
    .option(
      '--limit-requests <n/duration>',
      'requests of a client per time, such as 100/1m; further ones get 429',
    )
    .option('--limit-bytes <size/period>', 'bytes of a client per day, month or duration, such as 50GB/day');
}

/** The rule that the flags describe. Empty if none is given. Throws a `UsageError`. */
export function toLimitRules(flags: LimitFlags & AccessFlags): LimitRuleOptions[] {
  const { limitBy, limitRate, limitUploadRate, limitTransfers, limitRequests, limitBytes } = flags;
  const rule: LimitRuleOptions = {
    ...(limitRate !== undefined && { download: limitRate }),
    ...(limitUploadRate !== undefined && { upload: limitUploadRate }),
    ...(limitTransfers !== undefined && { transfers: toNumber('--limit-transfers', limitTransfers) }),
    ...(limitRequests !== undefined && { requests: toRequests(limitRequests) }),
    ...(limitBytes !== undefined && { bytes: toBytes(limitBytes) }),
  };
  // Such a rule would limit nothing.
  if (limitBy === 'identity' && toAccessRule(flags) === undefined)
    throw new UsageError(
      '--limit-by: identity needs --access-token-file, --basic-file, --jwt-keys or --forward-auth',
    );
  if (Object.keys(rule).length > 0) return [{ ...(limitBy !== undefined && { by: toBy(limitBy) }), ...rule }];
  if (limitBy !== undefined)
    throw new UsageError(
      '--limit-by: needs --limit-rate, --limit-upload-rate, --limit-transfers, --limit-requests or --limit-bytes',
    );
  return [];
}

function toBy(text: string): NonNullable<LimitRuleOptions['by']> {
  const kind = KINDS.find((each) => each === text);
  if (kind !== undefined) return kind;
  if (text.startsWith('header:')) return { header: text.slice('header:'.length) };
  throw new UsageError(
    `--limit-by: must be one of ${KINDS.join(', ')} or header:<name>, not ${JSON.stringify(text)}`,
  );
}

function toRequests(text: string): { count: number; per: string } {
  const [count, per] = split('--limit-requests', text, '100/1m');
  return { count: toNumber('--limit-requests', count), per };
}

function toBytes(text: string): { count: string; per: string } {
  const [count, per] = split('--limit-bytes', text, '50GB/day');
  return { count, per };
}

function split(flag: string, text: string, example: string): [string, string] {
  return readFlag(flag, () => {
    const [count = '', per = '', ...rest] = text.split('/');
    if (count === '' || per === '' || rest.length > 0)
      throw new RangeError(`must be written as ${example}, not ${JSON.stringify(text)}`);
    return [count, per];
  });
}

function toNumber(flag: string, text: string): number {
  return readFlag(flag, () => {
    if (!/^\d{1,9}$/.test(text)) throw new RangeError(`must be a whole number, not ${JSON.stringify(text)}`);
    return Number(text);
  });
}
