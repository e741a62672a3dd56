import type { Count, CountRequest, CountWindow } from '../limits/store.js';
import { HOLD_MS, LEASE_MS, type RateAsk, type RateLease, WINDOW_PARTS } from './backend.js';

const DAY_MS = 86_400_000;

/** The rules of a store in memory. Times are in milliseconds of the store's clock. */

interface HeldRate {
  weight: number;
  demand: number;
  rate: number;
  expires: number;
}

/** Leases of a rate, by process. */
export type RateState = Map<string, HeldRate>;

/**
 * Leases a part of a rate to a process: max-min fair by weight, where no process gets more than its demand while another
 * could use it. The sum of the leased rates never exceeds the limit: what others still hold is not leased, even if their
 * share has become smaller.
 */
export function leaseRate(
  state: RateState,
  now: number,
  process: string,
  { limit, weight, demand }: Omit<RateAsk, 'key'>,
): RateLease {
  for (const [id, { expires }] of state) if (expires <= now) state.delete(id);
  state.delete(process);
  if (weight <= 0) return { rate: 0, share: 0 };
  const mine: HeldRate = { weight, demand, rate: 0, expires: now + LEASE_MS };
  const others = [...state.values()].reduce((sum, { rate }) => sum + rate, 0);
  state.set(process, mine);
  const needs = Array.from(state, ([id, held]) => ({
    id,
    weight: held.weight,
    need: held.demand < 0 ? Number.POSITIVE_INFINITY : held.demand / held.weight,
  })).toSorted(byNeed);
  const weights = needs.reduce((sum, each) => sum + each.weight, 0);
  let rest = limit;
  let left = weights;
  let own = 0;
  for (const { id, weight: of, need } of needs) {
    const given = Math.min(rest / left, need) * of;
    if (id === process) own = given;
    rest = Math.max(0, rest - given);
    left -= of;
  }
  const share = Math.floor(own + (rest * weight) / weights);
  mine.rate = Math.max(0, Math.min(share, Math.floor(limit - others)));
  return { rate: mine.rate, share };
}

interface Need {
  id: string;
  need: number;
}

/** By the id where the needs are the same, so that the order is always the same. */
function byNeed(a: Need, b: Need): number {
  if (a.need !== b.need) return a.need < b.need ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

interface HeldSlots {
  count: number;
  expires: number;
}

/** Slots of a key, by process. */
export type SlotState = Map<string, HeldSlots>;

/** Forgets the slots of processes that have not said for too long that they hold them, and counts the others. */
export function countSlots(state: SlotState, now: number): number {
  let sum = 0;
  for (const [id, { count, expires }] of state) {
    if (expires <= now) state.delete(id);
    else sum += count;
  }
  return sum;
}

export function setSlots(state: SlotState, now: number, process: string, count: number): void {
  if (count > 0) state.set(process, { count, expires: now + HOLD_MS });
  else state.delete(process);
}

/** Counts by when they are forgotten. */
export type CountState = Map<number, number>;

/** When what is counted now is forgotten. */
function endOfWindow(window: CountWindow, now: number): number {
  if (window.kind === 'month') {
    const date = new Date(now);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  }
  const ms = 'ms' in window ? window.ms : DAY_MS;
  if (window.kind !== 'sliding') return (Math.floor(now / ms) + 1) * ms;
  const part = ms / WINDOW_PARTS;
  return Math.ceil((Math.floor(now / part) + WINDOW_PARTS + 1) * part);
}

/** Adds to all counters, or to none. */
export function addCounts(
  states: readonly CountState[],
  now: number,
  requests: readonly CountRequest[],
): Count[] {
  const all = requests.map((request, i) => {
    const state = states[i] ?? new Map<number, number>();
    for (const end of state.keys()) if (end <= now) state.delete(end);
    const used = [...state.values()].reduce((sum, count) => sum + count, 0);
    const { add, limit, forced } = request;
    return { request, state, used, isFull: !forced && add > 0 && used + add > limit };
  });
  const isFull = all.some((each) => each.isFull);
  return all.map(({ request: { add, limit, window }, state, used, isFull: isThisFull }) => {
    const added = !isFull;
    if (added && add !== 0) {
      const end = endOfWindow(window, now);
      state.set(end, (state.get(end) ?? 0) + add);
    }
    let left = used;
    let reset = 0;
    for (const [end, count] of [...state].toSorted(([a], [b]) => a - b)) {
      if (isThisFull && left + add <= limit) break;
      left -= count;
      reset = end - now;
    }
    return { added, used: added ? used + add : used, resetMs: Math.ceil(reset) };
  });
}

export interface LinkState {
  owner: string | null;
  /** Whether the owner has the file. */
  hasSucceeded: boolean;
  /** When the owner's window ends. */
  until: number;
  /** When each use ends if nothing more is heard of it. */
  uses: Map<string, number>;
}

export const newLink = (): LinkState => ({
  owner: null,
  hasSucceeded: false,
  until: 0,
  uses: new Map(),
});

/** Forgets uses of processes that have died, and an owner that has no use left and not the file. */
function settleLink(state: LinkState, now: number): void {
  for (const [id, expires] of state.uses) if (expires <= now) state.uses.delete(id);
  if (!state.hasSucceeded && state.uses.size === 0) state.owner = null;
}

export function beginUse(
  state: LinkState,
  now: number,
  client: string,
  useId: string,
): 'begun' | 'taken' | 'over' {
  settleLink(state, now);
  if (state.hasSucceeded && now >= state.until) return 'over';
  if (state.owner !== null && state.owner !== client) return 'taken';
  state.owner = client;
  state.uses.set(useId, now + HOLD_MS);
  return 'begun';
}

export function holdUse(state: LinkState, now: number, client: string, useId: string): void {
  settleLink(state, now);
  if (state.owner !== null && state.owner !== client) return;
  state.owner = client;
  state.uses.set(useId, now + HOLD_MS);
}

export function succeedUse(state: LinkState, now: number, client: string, windowMs: number): void {
  settleLink(state, now);
  if (state.hasSucceeded || (state.owner !== null && state.owner !== client)) return;
  state.owner = client;
  state.hasSucceeded = true;
  state.until = now + windowMs;
}

export function endUse(state: LinkState, now: number, useId: string): void {
  state.uses.delete(useId);
  settleLink(state, now);
}
