import type { RunningTransfer } from 'sluiceway';
import type { TransferData } from '../dashboard/contract.js';
import { fileNameOf } from '../dashboard/format.js';

/** A running transfer, as the API shows it: what the dashboard reads, and the name of its file. */
export interface TransferView extends TransferData {
  route: string;
  /** The last segment of the path. */
  name: string;
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
    name: fileNameOf(transfer.path),
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
