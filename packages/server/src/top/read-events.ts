import type {
  DeltaData,
  EndData,
  SnapshotData,
  TotalsData,
  TransferData,
  Waiting,
} from '../dashboard/contract.js';

/**
 * Reads what the admin listener sends. What is missing has a neutral value, so that a server of another version does not
 * end the program.
 */
export function readSnapshot(given: unknown): SnapshotData {
  const { time, transfers } = toRecord(given);
  return { time: text(time) ?? '', transfers: array(transfers).map(readTransfer) };
}

export function readDelta(given: unknown): DeltaData {
  const { time, started, changed, ended } = toRecord(given);
  return {
    time: text(time) ?? '',
    started: array(started).map(readTransfer),
    changed: array(changed).map(readChange),
    ended: array(ended).map(readEnd),
  };
}

export function readTotals(given: unknown): TotalsData {
  const { time, rateDown, rateUp, running, requests, outcomes } = toRecord(given);
  return {
    time: text(time) ?? '',
    rateDown: count(rateDown),
    rateUp: count(rateUp),
    running: count(running),
    requests: count(requests),
    outcomes: Object.fromEntries(
      Object.entries(toRecord(outcomes)).map(([name, value]) => [name, count(value)]),
    ),
  };
}

type Reader<T> = (given: unknown) => T;

const text: Reader<string | null> = (given) => (typeof given === 'string' ? given : null);
const word: Reader<string> = (given) => text(given) ?? '';
const number: Reader<number | null> = (given) =>
  typeof given === 'number' && Number.isFinite(given) && given >= 0 ? given : null;
const count: Reader<number> = (given) => number(given) ?? 0;
const array: Reader<readonly unknown[]> = (given) => (Array.isArray(given) ? given : []);

const WAITING: readonly Waiting[] = ['client', 'upstream', 'limit', 'access'];

/** How each member is read. */
const members: { readonly [Name in keyof TransferData]: Reader<TransferData[Name]> } = {
  id: word,
  requestId: word,
  route: text,
  client: text,
  identity: text,
  method: word,
  host: text,
  path: word,
  httpVersion: text,
  status: number,
  upstream: text,
  upstreamAddress: text,
  startedAt: word,
  durationMs: count,
  bytesDown: count,
  bytesUp: count,
  responseLength: number,
  requestLength: number,
  rateDown: count,
  rateUp: count,
  etaMs: number,
  waitingFor: (given) => WAITING.find((each) => each === given) ?? null,
  waitingMs: count,
  attempts: count,
  resumes: count,
  resumedAt: (given) => array(given).map(count),
  zeroCopy: (given) => given === true,
  limit: number,
  link: text,
  worker: number,
};

const names = Object.keys(members) as (keyof TransferData)[];

const readTransfer = (given: unknown): TransferData => readMembers(toRecord(given), names) as TransferData;

function readChange(given: unknown): Partial<TransferData> & { id: string } {
  const record = toRecord(given);
  const changed = names.filter((name) => Object.hasOwn(record, name));
  return { ...readMembers(record, changed), id: word(record['id']) };
}

const readMembers = (
  record: Record<string, unknown>,
  of: readonly (keyof TransferData)[],
): Partial<TransferData> => Object.fromEntries(of.map((name) => [name, members[name](record[name])]));

function readEnd(given: unknown): EndData {
  const { id, outcome, status, error, errorMessage, bytesDown, bytesUp, durationMs, resumes } =
    toRecord(given);
  return {
    id: word(id),
    outcome: word(outcome),
    status: number(status),
    error: text(error),
    errorMessage: text(errorMessage),
    bytesDown: count(bytesDown),
    bytesUp: count(bytesUp),
    durationMs: count(durationMs),
    resumes: count(resumes),
  };
}

const toRecord = (given: unknown): Record<string, unknown> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)
    ? (given as Record<string, unknown>)
    : {};
