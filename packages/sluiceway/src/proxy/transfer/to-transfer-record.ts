import type { Outcome, SluicewayError } from '../../errors.js';
import type { LiveTransfer, TransferRecord } from './transfer-record.js';

/** What is only known at the end. */
interface TransferEnd {
  durationMs: number;
  outcome: Outcome;
}

/** Describes a transfer that has ended. */
export function toTransferRecord(
  transfer: LiveTransfer & { readonly time: string; readonly error: SluicewayError | null },
  { durationMs, outcome }: TransferEnd,
): TransferRecord {
  return {
    time: transfer.time,
    id: transfer.id,
    requestId: transfer.requestId,
    clientAddress: transfer.clientAddress,
    forwardedFor: transfer.forwardedFor,
    host: transfer.host,
    httpVersion: transfer.httpVersion,
    method: transfer.method,
    path: transfer.path,
    status: transfer.status,
    outcome,
    bytesDown: transfer.bytesDown,
    bytesUp: transfer.bytesUp,
    durationMs,
    responseHeadMs: transfer.responseHeadMs,
    firstByteMs: transfer.firstByteMs,
    upstream: transfer.upstream,
    upstreamAddress: transfer.upstreamAddress,
    upstreamHttpVersion: transfer.upstreamHttpVersion,
    connectMs: transfer.connectMs,
    attempts: transfer.attempts,
    resumes: transfer.resumes,
    bytesResumed: transfer.bytesResumed,
    ifRangeRetries: transfer.ifRangeRetries,
    zeroCopy: transfer.zeroCopy,
    error: transfer.error?.code ?? null,
    errorMessage: transfer.errorMessage,
    identity: transfer.identity,
    userAgent: transfer.userAgent,
    referer: transfer.referer,
  };
}
