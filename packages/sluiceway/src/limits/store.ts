/**
 * State of limits, links and blocked keys that several processes share. Without a store, a process keeps this state itself.
 *
 * A process that uses a store has an identity in it, and the store keeps alive what that process holds (slots, uses of
 * links). What a process holds ends some seconds after the process has died. Every method that asks the store rejects if the
 * store cannot be asked; what happens to the request then is the decision of the caller (`onStoreFailure` of a rule).
 *
 * Keys are opaque text. They contain the name of the rule, so rules with one name in one store share their counts.
 */
export interface LimitStore {
  /**
   * Borrows bytes, for all keys of a process in one round trip. A process asks at most every `Lease.askAgainMs` for a key,
   * and only while transfers of that key are held back or have used most of the last lease. The results are in the order
   * of the requests.
   */
  lease(requests: readonly LeaseRequest[]): Promise<readonly Lease[]>;

  /** Takes one slot of each key, or none. `id` is unique among all processes, and names these slots until `leave`. */
  enter(slots: readonly SlotRequest[], id: string): Promise<Entered | Refused>;
  /** Gives back the slots of `id`. Does nothing if there are none. */
  leave(id: string): Promise<void>;

  /**
   * Adds to counters. If one of them that is not `forced` would exceed its limit, nothing is added to any. The results are
   * in the order of the requests.
   */
  count(requests: readonly CountRequest[]): Promise<readonly Count[]>;

  /** Blocks a key in all processes, for `ms` from now. Infinity: until it is unblocked. */
  block(key: string, ms: number): Promise<void>;
  unblock(key: string): Promise<void>;

  /** Uses and revocations of signed links. */
  readonly links: LinkStore;

  /**
   * Calls the listener for what is blocked or revoked, by any process and this one. At first, and after a lost connection,
   * it is called for all that is in effect. Returns a function that stops this.
   */
  watch(listener: LimitStoreListener): () => void;

  /** How the store does, for metrics. Absent or null: nothing is known. */
  status?(): StoreStatus | null;

  /** Gives back everything that this process holds, and closes connections. */
  close(): Promise<void>;
}

/** The state of a store, as this process sees it. */
export interface StoreStatus {
  /** Whether the store can be asked at present. */
  readonly isUp: boolean;
  /** Commands that were sent to it since it was opened. */
  readonly commands: number;
  /** Those that failed, or had no answer in time. */
  readonly failures: number;
  /** Times from a command to its answer, in seconds: the number within each bound alone, and one of those beyond all. */
  readonly latency: {
    readonly bounds: readonly number[];
    readonly counts: readonly number[];
    readonly sum: number;
  };
}

/** The need of one process for bytes of one key. */
export interface LeaseRequest {
  readonly key: string;
  /** The limit, for all processes together. */
  readonly bytesPerSecond: number;
  /** The bytes that may pass at once after a pause. */
  readonly burst: number;
  /** The bytes that this process can use until it asks again. 0: none, it only gives back `unused`. */
  readonly want: number;
  /** Sum of the weights of this process's active transfers of the key. Shares of processes are in proportion to it. */
  readonly weight: number;
  /** Bytes of earlier leases that are given back. */
  readonly unused: number;
}

export interface Lease {
  /** Bytes that may pass now. 0 if the key has none at the moment. */
  readonly bytes: number;
  /** When the process can ask for this key again: 50 to 200 ms. */
  readonly askAgainMs: number;
  /**
   * The share of the limit that this process has at present, in bytes per second. It applies while the store cannot be
   * asked, with `onStoreFailure: 'share'`.
   */
  readonly share: number;
}

/** A limit of transfers at a time. */
export interface SlotRequest {
  readonly key: string;
  readonly max: number;
}

export interface Entered {
  readonly entered: true;
  /** The number of slots in use of each key, this one included, in the order of the requests. */
  readonly running: readonly number[];
}

export interface Refused {
  readonly entered: false;
  /** Index of the request whose key has no free slot. */
  readonly full: number;
}

/** An addition to a counter that starts again from time to time. */
export interface CountRequest {
  readonly key: string;
  /** 0 reads the counter. */
  readonly add: number;
  readonly limit: number;
  /** Adds also beyond the limit: for what has happened already, such as bytes that have passed. */
  readonly forced: boolean;
  readonly window: CountWindow;
}

/**
 * When counts are forgotten: `sliding` counts what happened in the last `ms` milliseconds, to within a sixteenth of that
 * time, and never less; `fixed` starts at each multiple of `ms` since 1970; `day` and `month` start at midnight in UTC. The
 * store's clock decides, not that of a process.
 */
export type CountWindow =
  | { readonly kind: 'sliding' | 'fixed'; readonly ms: number }
  | { readonly kind: 'day' | 'month' };

export interface Count {
  /** Whether `add` was added. */
  readonly added: boolean;
  /** The count, with `add` if it was added. */
  readonly used: number;
  /** Until `add` would fit if it did not; otherwise until the count is 0 again without further additions. */
  readonly resetMs: number;
}

/** What processes know of signed links together. */
export interface LinkStore {
  /**
   * Begins a use of a single-use link for a client. `taken`: another client owns it, or has a use that is not over. `over`:
   * the time that its owner has for it has ended. `useId` is unique among all processes.
   */
  begin(use: UseOfLink): Promise<'begun' | 'taken' | 'over'>;
  /** The client has the file: from now on it owns the link, for `windowMs`. */
  succeeded(use: UseOfLink, windowMs: number): Promise<void>;
  /** The use is over. A client that does not own the link gives it back with its last use. */
  end(use: UseOfLink): Promise<void>;
  /** Revokes a link in all processes, until it expires. */
  revoke(id: string, expiresAt: number): Promise<void>;
  isRevoked(id: string): Promise<boolean>;
}

export interface UseOfLink {
  readonly id: string;
  readonly useId: string;
  /** Key of the client. */
  readonly client: string;
  /** When the link expires, in milliseconds since 1970. After that, nothing about it need be remembered. */
  readonly expiresAt: number;
}

export interface LimitStoreListener {
  /** Running downloads of the link have to end. `ms`: how long from now the link need be remembered. */
  onRevoked(id: string, ms: number): void;
  /** `ms`: how long from now; Infinity until it is unblocked. Running transfers of the key have to end. */
  onBlocked(key: string, ms: number): void;
  onUnblocked(key: string): void;
}
