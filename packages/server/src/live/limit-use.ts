import type { BlockedKey, KeyUsage, LimitControl, RuleStatus } from 'sluiceway';

/** The limits of a route. */
export interface LiveLimits {
  readonly route: string;
  readonly limits: LimitControl;
}

/** What a key of a rule uses. */
export interface LimitUse extends KeyUsage {
  route: string;
}

/** A rule of a route. */
export interface RouteRule extends RuleStatus {
  route: string;
}

/** A blocked key of a rule of a route. */
export interface RouteBlock extends BlockedKey {
  route: string;
}

/** A key that an operator blocks or unblocks. `for`: milliseconds; null for good. */
export interface BlockOrder {
  rule: string;
  key: string;
  isBlocked: boolean;
  for: number | null;
}

export const readLimits = (all: readonly LiveLimits[], top: number): LimitUse[] =>
  all.flatMap(({ route, limits }) => limits.usage({ top }).map((usage) => ({ route, ...usage })));

export const readRules = (all: readonly LiveLimits[]): RouteRule[] =>
  all.flatMap(({ route, limits }) => limits.rules().map((rule) => ({ route, ...rule })));

export const readBlocks = (all: readonly LiveLimits[]): RouteBlock[] =>
  all.flatMap(({ route, limits }) => limits.blocks().map((block) => ({ route, ...block })));

/** Returns the number of aborted transfers; null if no route has the rule. */
export function orderBlock(
  all: readonly LiveLimits[],
  { rule, key, isBlocked, for: ms }: BlockOrder,
): number | null {
  let aborted: number | null = null;
  for (const { limits } of all) {
    try {
      if (isBlocked) aborted = (aborted ?? 0) + limits.block(rule, key, ms === null ? {} : { for: ms });
      else {
        limits.unblock(rule, key);
        aborted ??= 0;
      }
    } catch (error) {
      // The route has no such rule.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return aborted;
}

/** The use in all processes, those with the most traffic first. */
export function mergeLimits(uses: readonly LimitUse[], top: number): LimitUse[] {
  const merged = new Map<string, LimitUse>();
  for (const use of uses) {
    const id = JSON.stringify([use.route, use.rule, use.key]);
    const other = merged.get(id);
    merged.set(id, other === undefined ? use : addUses(use, other));
  }
  return [...merged.values()]
    .toSorted((a, b) => b.rateDown + b.rateUp - a.rateDown - a.rateUp || b.transfers - a.transfers)
    .slice(0, top);
}

/**
 * The rules of all processes. A handler that a reload has replaced comes after the present one of its route, whose rule counts.
 */
export function mergeRules(rules: readonly RouteRule[]): RouteRule[] {
  const merged = new Map<string, RouteRule>();
  for (const rule of rules) {
    const id = JSON.stringify([rule.route, rule.name]);
    const other = merged.get(id);
    merged.set(id, other === undefined ? rule : { ...other, keys: other.keys + rule.keys });
  }
  return [...merged.values()];
}

/** The blocks of all processes, each once, the ones that end soonest first. */
export function mergeBlocks(blocks: readonly RouteBlock[]): RouteBlock[] {
  const merged = new Map<string, RouteBlock>();
  for (const block of blocks) {
    const id = JSON.stringify([block.route, block.rule, block.key]);
    const other = merged.get(id);
    // Text that is compared: `forever` is after each time.
    if (other === undefined || other.until < block.until) merged.set(id, block);
  }
  return [...merged.values()].toSorted((a, b) => (a.until < b.until ? -1 : Number(a.until > b.until)));
}

const addUses = (a: LimitUse, b: LimitUse): LimitUse => ({
  ...a,
  transfers: a.transfers + b.transfers,
  waiting: a.waiting + b.waiting,
  rateDown: a.rateDown + b.rateDown,
  rateUp: a.rateUp + b.rateUp,
  requests: add(a.requests, b.requests),
  bytes: add(a.bytes, b.bytes),
  blockedUntil: a.blockedUntil ?? b.blockedUntil,
});

const add = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : a + b);
