import type { RunningTransfer, WaitingFor } from 'sluiceway';

/** A running transfer, as the API shows it. Durations are in milliseconds, rates in bytes per second. */
export interface TransferView {
  id: string;
  requestId: string;
  /** The name of the route. */
  route: string;
  /** The last segment of the path. */
  name: string;
  /** The client's address: that which a trusted proxy has forwarded, or else that of the connection. */
  client: string | null;
  identity: string | null;
  method: string;
  host: string | null;
  path: string;
  httpVersion: string | null;
  status: number | null;
  upstream: string | null;
  upstreamAddress: string | null;
  /** ISO 8601 in UTC. */
  startedAt: string;
  durationMs: number;
  bytesDown: number;
  bytesUp: number;
  responseLength: number | null;
  requestLength: number | null;
  rateDown: number;
  rateUp: number;
  etaMs: number | null;
  waitingFor: WaitingFor | null;
  waitingMs: number;
  attempts: number;
  resumes: number;
  resumedAt: readonly number[];
  zeroCopy: boolean;
  /** Most bytes per second, as an operator has set it; null if there is no such limit. */
  limit: number | null;
  /** The id of the signed link of a gateway; null if there is none, and until it has been verified. */
  link: string | null;
  /** The number of the worker; null without workers. */
  worker: number | null;
}

/** A running transfer and its route. */
export interface RoutedTransfer {
  readonly route: string;
  readonly transfer: RunningTransfer;
}

export function toView({ route, transfer }: RoutedTransfer): TransferView {
  return {
    id: transfer.id,
    requestId: transfer.requestId,
    route,
    name: nameOf(transfer.path),
    client: transfer.forwardedFor ?? transfer.clientAddress,
    identity: transfer.identity,
    method: transfer.method,
    host: transfer.host,
    path: transfer.path,
    httpVersion: transfer.httpVersion,
    status: transfer.status,
    upstream: transfer.upstream,
    upstreamAddress: transfer.upstreamAddress,
    startedAt: transfer.time,
    durationMs: transfer.durationMs,
    bytesDown: transfer.bytesDown,
    bytesUp: transfer.bytesUp,
    responseLength: transfer.responseLength,
    requestLength: transfer.requestLength,
    rateDown: transfer.rateDown,
    rateUp: transfer.rateUp,
    etaMs: transfer.etaMs,
    waitingFor: transfer.waitingFor,
    waitingMs: transfer.waitingMs,
    attempts: transfer.attempts,
    resumes: transfer.resumes,
    resumedAt: [...transfer.resumedAt],
    zeroCopy: transfer.zeroCopy,
    limit: transfer.rateLimit,
    link: transfer.link,
    worker: null,
  };
}

/** The last segment of a path that is not empty, decoded if that is possible. */
function nameOf(path: string): string {
  const [withoutQuery = ''] = path.split('?');
  const segment = withoutQuery.split('/').findLast((each) => each !== '') ?? '/';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
