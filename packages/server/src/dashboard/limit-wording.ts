import type { LimitUseData, RuleData } from './contract.js';
import { countOf, formatBytes, formatCount, formatDuration, formatRate } from './format.js';

const BY: Readonly<Record<string, string>> = {
  client: 'for each client',
  identity: 'for each user',
  link: 'for each link',
  upstream: 'for each server',
  route: 'for the route',
  all: 'for all together',
  function: 'for each key',
};

/** Whose transfers share the limits of a rule: `for each client`. */
export const describeBy = ({ by }: RuleData): string => BY[by] ?? `for each ${by.replace('header ', '')}`;

/** What a rule limits: `2.00 MiB/s down`, `4 transfers`, `100 requests per 1 min`. */
export function describeLimits({ download, upload, transfers, requests, bytes, queue }: RuleData): string[] {
  const parts: string[] = [];
  if (download !== null) parts.push(`${formatRate(download)} down`);
  if (upload !== null) parts.push(`${formatRate(upload)} up`);
  if (transfers !== null) parts.push(`${countOf(transfers, 'transfer')} at a time`);
  if (requests !== null)
    parts.push(`${countOf(requests.count, 'request')} per ${formatDuration(requests.perMs)}`);
  if (bytes !== null) parts.push(`${formatBytes(bytes.count)} per ${periodText(bytes.per)}`);
  if (queue !== null) parts.push(`${formatCount(queue.length)} can wait`);
  // The rule of a gateway for the rates that its links have.
  return parts.length === 0 ? ['the rate of the link'] : parts;
}

const periodText = (per: 'day' | 'month' | number): string =>
  typeof per === 'number' ? formatDuration(per) : per;

/** How much of one limit a key uses. */
export interface Use {
  name: string;
  text: string;
  /** From 0 to 1; null if the rule does not limit it. */
  fraction: number | null;
}

/** What a key uses, compared with the limits of its rule. Uploads are left out if the rule does not limit them. */
export function usesOf(use: LimitUseData, rule: RuleData): Use[] {
  const uses = [
    toUse('Transfers', use.transfers, rule.transfers, formatCount),
    toUse('Down', use.rateDown, rule.download, formatRate),
    toUse('Up', use.rateUp, rule.upload, formatRate),
  ].filter(({ fraction }, i) => i < 2 || fraction !== null);
  if (use.requests !== null && rule.requests !== null)
    uses.push(toUse('Requests', use.requests, rule.requests.count, formatCount));
  if (use.bytes !== null && rule.bytes !== null)
    uses.push(toUse('Volume', use.bytes, rule.bytes.count, formatBytes));
  return uses;
}

function toUse(name: string, used: number, limit: number | null, format: (value: number) => string): Use {
  const rounded = Math.round(used);
  if (limit === null) return { name, text: format(rounded), fraction: null };
  const fraction = limit === 0 ? 1 : Math.min(1, used / limit);
  const all = format(limit);
  const [number = '', unit] = format(rounded).split(' ');
  const isSame = unit === undefined || all.endsWith(` ${unit}`);
  return { name, text: `${isSame ? number : `${number} ${unit}`} of ${all}`, fraction };
}

/** A key in words: the only key of a rule for all is `*`. */
export const keyText = (key: string, rule: Pick<RuleData, 'by'> | undefined): string => {
  if (key === '*' && (rule?.by === 'all' || rule?.by === 'route')) return 'All together';
  return key === '' ? '(none)' : key;
};

/** `for 12 min`, `for good`. */
export const blockText = (until: string, now: number): string =>
  until === 'forever' ? 'for good' : `for ${formatDuration(Date.parse(until) - now)}`;
