import type { Duration, Size } from '../../units.js';
import type { LiveTransfer, TransferRecord } from './transfer-record.js';

/**
 * Whom a transfer waits for. `client`: it has to send or read. `upstream`: the origin server has to accept the connection,
 * answer, send or read. `limit`: a rate limit holds the transfer back. `access`: the access policy decides.
 */
export type WaitingFor = 'client' | 'upstream' | 'limit' | 'access';

/** A running transfer, for the operator of the proxy. Its members keep changing until it ends. */
export interface RunningTransfer extends LiveTransfer {
  /** When the request arrived, ISO 8601 in UTC. */
  readonly time: string;
  /** Since then. */
  readonly durationMs: number;
  /**
   * Content bytes per second to the client, in the last 1.5 to 3 seconds. It is measured from samples that are taken only
   * when it is read: the first time it is the mean since the request arrived, and after a pause the mean since it was
   * last read. 0 in the first 200 ms.
   */
  readonly rateDown: number;
  /** Like `rateDown`, of content bytes to the origin server. */
  readonly rateUp: number;
  /**
   * How long the rest takes at the present rate. Before the response head it is that of the request content, afterwards
   * that of the response. Null if the length is unknown, or nothing moves.
   */
  readonly etaMs: number | null;
  /** The side or the rule that holds the transfer up. Null: none, or either side of a tunnel, or a hook. */
  readonly waitingFor: WaitingFor | null;
  /** How long it has waited since it last made progress; 0 if `waitingFor` is null. */
  readonly waitingMs: number;
  /** The offsets in the response content at which it was continued after a break, at most the first 16. */
  readonly resumedAt: readonly number[];
  /**
   * Ends the transfer. Before the response head the client gets 503; later the response is visibly broken off. The record
   * has the outcome `shutdown` and the code `aborted_by_operator`. `reason` is added to its `errorMessage`; the client does not see it.
   */
  abort(reason?: string): void;
  /**
   * Limits the rate of the transfer from now on, both directions together, to bytes per second: a number, or a size such as
   * `'10MB'`. The limits of rules apply as well. Null: no limit for this transfer alone. Throws a `RangeError` below 1, and
   * for text that is not a size.
   */
  limit(bytesPerSecond: Size | null): void;
  /** The id of the signed link of a gateway, once it has been verified. Null: there is none. */
  readonly link: string | null;
  /** The rate that `limit` has set, in bytes per second. Null: none. */
  readonly rateLimit: number | null;
}

/** What has changed since the last call of a watcher. */
export interface TransferChanges {
  /** When it was seen, ISO 8601 in UTC. */
  readonly time: string;
  /** Transfers that began and still run. In the first call: all running transfers. */
  readonly started: readonly RunningTransfer[];
  /** Transfers that moved bytes, or whose head, upstream, attempts, resumes, `waitingFor` or rates changed. */
  readonly changed: readonly RunningTransfer[];
  /** Transfers that have ended, out of those that were among `started`. Shorter ones are left out. */
  readonly ended: readonly TransferRecord[];
}

export interface WatchOptions {
  /** Shortest time between two calls. Default `'250ms'`. At least 10 ms. */
  interval?: Duration;
}

/** Called with changes. An error that it throws becomes a process warning. */
export type TransferWatcher = (changes: TransferChanges) => void;
