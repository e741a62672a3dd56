import type {
  Count,
  CountRequest,
  Entered,
  Refused,
  SlotRequest,
  StoreStatus,
  UseOfLink,
} from '../limits/store.js';

/**
 * Where the shared state is: in a Redis or Valkey server, in this process, or in the primary process of this one. Each
 * operation is atomic. Arguments and results survive a structured clone. `process` is the identity of the process that
 * asks.
 */
export interface StoreBackend {
  /** Leases rates, in the order of the asks. */
  lease(process: string, asks: readonly RateAsk[]): Promise<readonly RateLease[]>;
  enter(process: string, slots: readonly SlotRequest[]): Promise<Entered | Refused>;
  leave(process: string, keys: readonly string[]): Promise<void>;
  /** Says exactly what a process holds, which keeps it for another `HOLD_MS`. */
  hold(process: string, holdings: Holdings): Promise<void>;
  count(requests: readonly CountRequest[]): Promise<readonly Count[]>;
  beginUse(use: UseOfLink): Promise<'begun' | 'taken' | 'over'>;
  succeedUse(use: UseOfLink, windowMs: number): Promise<void>;
  endUse(use: UseOfLink): Promise<void>;
  revoke(id: string, expiresAt: number): Promise<void>;
  isRevoked(id: string): Promise<boolean>;
  /** `ms`: Infinity until it is unblocked. */
  block(key: string, ms: number): Promise<void>;
  unblock(key: string): Promise<void>;
  /** Tells about blocks and revocations: at first, and after a lost connection, about all. Returns what stops this. */
  listen(listener: (event: StoreEvent) => void): () => void;
  /** How the store does, for metrics. Absent: it is in memory. */
  status?(): StoreStatus | null;
  close(): Promise<void>;
}

export interface RateAsk {
  readonly key: string;
  /** The limit of all processes together, in bytes per second. */
  readonly limit: number;
  /** 0 gives the lease back. */
  readonly weight: number;
  /** The bytes per second that the process can use. -1 if only the limit holds it up. */
  readonly demand: number;
}

export interface RateLease {
  /** Bytes per second that the process may use for `LEASE_MS`. */
  readonly rate: number;
  /** The rate once the other processes have renewed their leases. */
  readonly share: number;
}

export interface Holdings {
  readonly slots: readonly { readonly key: string; readonly count: number }[];
  readonly uses: readonly UseOfLink[];
}

export type StoreEvent =
  | { readonly kind: 'revoked'; readonly id: string; readonly ms: number }
  | { readonly kind: 'blocked'; readonly key: string; readonly ms: number }
  | { readonly kind: 'unblocked'; readonly key: string };

/** The store cannot be asked at present. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** How long a lease of a rate is valid. A process that dies keeps its share from the others for at most this long. */
export const LEASE_MS = 1000;
/** How long slots and uses of links are kept for a process that no longer says that it holds them. */
export const HOLD_MS = 6000;
/** How often a process says what it holds. */
export const HOLD_INTERVAL_MS = 2000;
/**
 * How much longer than a link is valid the store remembers it: the clocks of processes that judge whether it is valid may
 * differ from the store's.
 */
export const CLOCK_MARGIN_MS = 3_600_000;
/** A sliding window counts in so many parts, and forgets one part at a time. */
export const WINDOW_PARTS = 16;
