/** What a transfer waits for. Null if content moves. */
export type Waiting = 'client' | 'upstream' | 'limit' | 'access';

/** A running transfer, as the admin API describes it. Durations are in milliseconds, rates in bytes per second. */
export interface TransferData {
  id: string;
  requestId: string;
  route: string | null;
  client: string | null;
  identity: string | null;
  method: string;
  host: string | null;
  path: string;
  httpVersion: string | null;
  status: number | null;
  upstream: string | null;
  upstreamAddress: string | null;
  startedAt: string;
  durationMs: number;
  bytesDown: number;
  bytesUp: number;
  /** Null if the length is unknown. */
  responseLength: number | null;
  requestLength: number | null;
  rateDown: number;
  rateUp: number;
  etaMs: number | null;
  waitingFor: Waiting | null;
  waitingMs: number;
  attempts: number;
  resumes: number;
  /** Offsets in the content where it was continued. */
  resumedAt: readonly number[];
  zeroCopy: boolean;
  /** Most bytes per second; null if there is no limit. */
  limit: number | null;
  /** The id of the signed link of a gateway; null if there is none. */
  link: string | null;
  worker: number | null;
}

/** How a transfer ended. */
export interface EndData {
  id: string;
  outcome: string;
  status: number | null;
  error: string | null;
  errorMessage: string | null;
  bytesDown: number;
  bytesUp: number;
  durationMs: number;
  resumes: number;
}

export interface SnapshotData {
  time: string;
  transfers: readonly TransferData[];
}

export interface DeltaData {
  time: string;
  started: readonly TransferData[];
  changed: readonly (Partial<TransferData> & { id: string })[];
  ended: readonly EndData[];
}

/** The sum of all transfers, each second. */
export interface TotalsData {
  time: string;
  rateDown: number;
  rateUp: number;
  running: number;
  requests: number;
  /** How many transfers have ended with each outcome since the server started. */
  outcomes: Readonly<Record<string, number>>;
}

/** One second of the history. */
export interface PointData {
  time: string;
  rateDown: number;
  rateUp: number;
  running: number;
  completed: number;
  failed: number;
}

export interface HistoryData {
  step: number;
  points: readonly PointData[];
}

export type ServerState = 'up' | 'down' | 'ejected' | 'draining';

export interface ServerData {
  name: string;
  url: string;
  state: ServerState;
  since: string | null;
  transfers: number;
  rate: number | null;
  bytes: number;
  weight: number;
  backup: boolean;
  lastFailure: string | null;
}

export interface GroupData {
  name?: string;
  route?: string;
  servers: readonly ServerData[];
}

export interface FailureExample {
  id: string;
  time: string;
  route: string | null;
  client: string | null;
  method: string;
  path: string;
  upstream: string | null;
  errorMessage: string | null;
}

/** Failures with the same reason. */
export interface FailureData {
  code: string;
  source: string;
  count: number;
  lastAt: string;
  /** The sentence that explains the reason. */
  message: string;
  /** The page of the documentation that explains it, as a path. */
  docs: string | null;
  examples: readonly FailureExample[];
}

/** A rule of limits. */
export interface RuleData {
  route: string;
  name: string;
  /** What it counts by: `client`, `identity`, `header x-tenant` and so on. */
  by: string;
  /** Bytes per second of a key; null for no limit. */
  download: number | null;
  upload: number | null;
  transfers: number | null;
  requests: { count: number; perMs: number } | null;
  bytes: { count: number; per: 'day' | 'month' | number } | null;
  queue: { length: number; timeoutMs: number } | null;
  /** Whether its times of day include the present. */
  active: boolean;
  keys: number;
}

/** What a key of a rule uses. */
export interface LimitUseData {
  route: string;
  rule: string;
  key: string;
  transfers: number;
  waiting: number;
  rateDown: number;
  rateUp: number;
  requests: number | null;
  bytes: number | null;
  /** ISO 8601, or `forever`; null if it is not blocked. */
  blockedUntil: string | null;
}

/** A blocked key. */
export interface BlockData {
  route: string;
  rule: string;
  key: string;
  /** ISO 8601, or `forever`. */
  until: string;
}
