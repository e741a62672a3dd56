import { SluicewayError } from 'sluiceway';
import type { TransferView } from './transfer-view.js';

/** What a transfer can be looked up by. */
export const states = ['client', 'upstream', 'limit', 'access', 'moving'] as const;

/** The members by which transfers can be sorted. */
export const sortKeys = [
  'startedAt',
  'durationMs',
  'bytesDown',
  'bytesUp',
  'rateDown',
  'rateUp',
  'etaMs',
  'waitingMs',
  'resumes',
  'attempts',
  'client',
  'identity',
  'route',
  'method',
  'path',
  'upstream',
  'status',
] as const satisfies readonly (keyof TransferView)[];

type SortKey = (typeof sortKeys)[number];

/** The members that a search looks through. */
const SEARCHED = [
  'id',
  'requestId',
  'client',
  'identity',
  'route',
  'method',
  'host',
  'path',
  'upstream',
] as const;

/** The members that a parameter of the same name compares. */
const COMPARED = ['client', 'identity', 'route', 'method', 'upstream'] as const;

/** The transfers that a query selects. `total` counts those before the limit. Throws 400 if the query is not valid. */
export function selectTransfers(
  views: readonly TransferView[],
  query: URLSearchParams,
): { total: number; transfers: readonly TransferView[] } {
  const limit = readLimit(query.get('limit'));
  const { key, sign } = readSort(query.get('sort'));
  const state = readState(query.get('state'));
  const words = query.get('q')?.toLowerCase() ?? '';
  const wanted = COMPARED.flatMap((member) => {
    const value = query.get(member);
    return value === null ? [] : [{ member, value }];
  });
  const found = views.filter(
    (view) =>
      wanted.every(({ member, value }) => view[member] === value) &&
      (state === null || (view.waitingFor ?? 'moving') === state) &&
      (words === '' || SEARCHED.some((member) => view[member]?.toLowerCase().includes(words) === true)),
  );
  found.sort((a, b) => compare(a[key], b[key], sign) || compare(a.id, b.id, 1));
  return { total: found.length, transfers: found.slice(0, limit) };
}

/** Null comes last, whatever the order is. */
function compare(a: string | number | null, b: string | number | null, sign: number): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -sign : sign;
}

function readLimit(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw badQuery('limit must be a number from 0 to 999999');
}

function readSort(text: string | null): { key: SortKey; sign: number } {
  if (text === null) return { key: 'startedAt', sign: 1 };
  const name = text.replace(/^-/, '');
  const key = sortKeys.find((each) => each === name);
  if (key === undefined)
    throw badQuery(`sort must be one of ${sortKeys.join(', ')}, with a minus for the other direction`);
  return { key, sign: text.startsWith('-') ? -1 : 1 };
}

function readState(text: string | null): string | null {
  if (text === null || states.some((state) => state === text)) return text;
  throw badQuery(`state must be one of ${states.join(', ')}`);
}

export const badQuery = (publicMessage: string): SluicewayError =>
  new SluicewayError('http_request_error', publicMessage, { status: 400, publicMessage });
