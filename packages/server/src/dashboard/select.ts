import { progressOf, type TransferItem } from './store.js';

export type SortKey =
  | 'startedAt'
  | 'name'
  | 'progress'
  | 'rate'
  | 'etaMs'
  | 'waitingMs'
  | 'client'
  | 'upstream';

/** What the table shows, and in which order. */
export interface Selection {
  search: string;
  /** Empty: everything. */
  state: string;
  /** Empty: all. */
  route: string;
  sort: SortKey;
  direction: 'asc' | 'desc';
}

export const everything: Selection = {
  search: '',
  state: '',
  route: '',
  sort: 'startedAt',
  direction: 'desc',
};

export const isFiltered = ({ search, state, route }: Selection): boolean =>
  search.trim() !== '' || state !== '' || route !== '';

/** How long a transfer has to wait until the page says so: content of a healthy one waits for moments all the time. */
export const VISIBLE_WAIT_MS = 1000;

function isWaiting({ data, at, end }: TransferItem, now: number): boolean {
  return end === null && data.waitingFor !== null && data.waitingMs + now - at >= VISIBLE_WAIT_MS;
}

/** The items of a selection in its order. Every word of the search has to occur. */
export function select(items: Iterable<TransferItem>, selection: Selection, now: number): TransferItem[] {
  const words = selection.search.toLowerCase().split(/\s+/).filter(Boolean);
  const { state, route, sort, direction } = selection;
  const chosen: TransferItem[] = [];
  for (const item of items) {
    if (route !== '' && item.data.route !== route) continue;
    if (state !== '' && !hasState(item, state, now)) continue;
    if (!words.every((word) => item.haystack.includes(word))) continue;
    chosen.push(item);
  }
  const sign = direction === 'asc' ? 1 : -1;
  const keys = new Map(chosen.map((item) => [item, keyOf(item, sort, now)]));
  return chosen.toSorted(
    (a, b) =>
      compare(keys.get(a) ?? null, keys.get(b) ?? null, sign) ||
      compare(a.data.startedAt, b.data.startedAt, -1) ||
      compare(a.data.id, b.data.id, 1),
  );
}

function hasState(item: TransferItem, state: string, now: number): boolean {
  const { data, end } = item;
  if (state === 'healed') return data.resumes > 0;
  if (state === 'limited') return data.limit !== null;
  if (end !== null) return false;
  if (state === 'flowing') return !isWaiting(item, now);
  return data.waitingFor === state && isWaiting(item, now);
}

function keyOf({ data, name, at }: TransferItem, sort: SortKey, now: number): number | string | null {
  switch (sort) {
    case 'name':
      return name.toLowerCase();
    case 'progress': {
      const { bytes, total } = progressOf(data);
      return total === null || total === 0 ? null : bytes / total;
    }
    case 'rate':
      return progressOf(data).rate;
    case 'waitingMs':
      return data.waitingFor === null ? null : data.waitingMs + now - at;
    default:
      return data[sort];
  }
}

/** What has no value comes last in both directions. */
function compare(a: number | string | null, b: number | string | null, sign: number): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -sign : sign;
}
