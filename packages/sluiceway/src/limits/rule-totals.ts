/** What a request has reached that is refused. */
export type RefusalKind = 'transfers' | 'requests' | 'bytes' | 'blocked';

/** What a rule has done since it exists, for all of its keys. Numbers that never decrease. */
export class RuleTotals {
  /** Bytes of transfers that have ended. */
  bytesDown = 0;
  bytesUp = 0;
  /** Requests that were refused, and transfers that were ended, by what they had reached. */
  readonly refused: Record<RefusalKind, number> = { transfers: 0, requests: 0, bytes: 0, blocked: 0 };
  /** Requests that have waited in a queue, and no longer wait. */
  waits = 0;
  waitedMs = 0;

  /** A request no longer waits that began at a time by `performance.now()`. */
  waited(begin: number): void {
    this.waits += 1;
    this.waitedMs += performance.now() - begin;
  }
}

/** What a rule does now, and has done since it exists, for all of its keys in this process. */
export interface RuleUsage {
  /** Name of the rule. */
  readonly rule: string;
  /** Keys that are remembered. */
  readonly keys: number;
  /** Keys with a running transfer or a waiting request. */
  readonly activeKeys: number;
  /** Running transfers. */
  readonly transfers: number;
  /** Requests that wait in a queue. */
  readonly waiting: number;
  /** Content bytes to clients, with those of running transfers. */
  readonly bytesDown: number;
  /** The same from clients. */
  readonly bytesUp: number;
  /** Requests that were refused, and transfers that were ended, by what they had reached. */
  readonly refused: {
    readonly transfers: number;
    readonly requests: number;
    readonly bytes: number;
    readonly blocked: number;
  };
  /** Requests that have waited in a queue, and no longer wait, whether they were admitted or not. */
  readonly waits: number;
  /** How long they have waited, in milliseconds. */
  readonly waitedMs: number;
}
