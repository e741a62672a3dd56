import { SluicewayError } from '../errors.js';
import type { MaybePromise } from '../proxy/messages/maybe-promise.js';
import type { Grant } from './grant.js';

/** The state of a link in use. */
interface Use {
  /**
   * The client that holds the single-use link, and whether it has received the file. Null if no client holds the link.
   */
  owner: { client: string; hasSucceeded: boolean } | null;
  running: number;
  /** Bytes sent to clients that have not become the permanent owner. */
  probed: number;
  /** When the owner's window ends, by `performance.now`. */
  until: number;
  /** When the link expires, in milliseconds since 1970. */
  expires: number;
}

/** The terms of a grant that all its uses share. */
export type LinkTerms = Pick<Grant, 'singleUse' | 'expires'>;

/** The number of remembered links at which unneeded ones are first removed. */
const SWEEP_AT = 10_000;

/** Tracks the uses of links. A store that several processes share returns promises. */
export interface LinkUseStore {
  /** Begins a use of a link. Throws `link_used` if another client owns it. Null means that the client is unknown. */
  begin(id: string, client: string | null, terms: LinkTerms): MaybePromise<PendingUse>;
}

/** Tracks what the uses of a link share: the owner of a single-use link. */
export class LinkUses implements LinkUseStore {
  readonly #uses = new Map<string, Use>();
  readonly #windowMs: number;
  #sweepAt = SWEEP_AT;

  /** `windowMs`: how long a single-use link stays with the client that took it. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** The number of remembered links. */
  get size(): number {
    return this.#uses.size;
  }

  /**
   * Begins a use of a link. Throws `link_used` if another client owns the link, or if another client's download is
   * still undecided: only one of them may get the file. An unknown client is always refused a single-use link.
   * `onOwned` is called when the client becomes the permanent owner.
   */
  begin(
    id: string,
    client: string | null,
    { singleUse, expires }: LinkTerms,
    onOwned: () => void = () => {},
  ): LocalUse {
    const now = performance.now();
    if (singleUse && client === null)
      throw new SluicewayError('link_used', 'The client of the single-use link is unknown');
    const use = this.#uses.get(id) ?? this.#remember(id, expires * 1000);
    if (singleUse && client !== null) {
      if (use.owner !== null && use.owner.hasSucceeded && now >= use.until)
        throw new SluicewayError('link_used', 'The window of the single-use link has ended');
      if (use.owner !== null && use.owner.client !== client)
        throw new SluicewayError('link_used', 'The single-use link belongs to another client');
      use.owner ??= { client, hasSucceeded: false };
    }
    use.running += 1;
    const succeeded = (): void => {
      if (use.owner === null || use.owner.hasSucceeded) return;
      use.owner.hasSucceeded = true;
      use.until = performance.now() + this.#windowMs;
      onOwned();
    };
    return {
      succeeded,
      sends: (bytes, total) => {
        if (use.owner === null || use.owner.hasSucceeded) return;
        use.probed += bytes;
        if (use.probed > probeLimit(total)) succeeded();
      },
      end: () => {
        use.running -= 1;
        if (use.running > 0 || use.owner?.hasSucceeded === true) return;
        use.owner = null;
        if (isLikeNew(use)) this.#uses.delete(id);
      },
    };
  }

  #remember(id: string, expires: number): Use {
    if (this.#uses.size >= this.#sweepAt) this.#sweep();
    const use: Use = {
      owner: null,
      running: 0,
      probed: 0,
      until: Number.POSITIVE_INFINITY,
      expires,
    };
    this.#uses.set(id, use);
    return use;
  }

  /** Takes over the uses of links of another gateway of this process. */
  inherit(other: LinkUses): void {
    for (const [id, use] of other.#uses) if (!this.#uses.has(id)) this.#uses.set(id, use);
  }

  /** Visits all links. The next sweep runs when their number has doubled, or at `SWEEP_AT` at the earliest. */
  #sweep(): void {
    const now = Date.now();
    for (const [id, use] of this.#uses) {
      if (use.running === 0 && (use.expires <= now || isLikeNew(use))) this.#uses.delete(id);
    }
    this.#sweepAt = Math.max(SWEEP_AT, this.#uses.size * 2);
  }
}

/** Reports whether the link can be forgotten without effect. */
const isLikeNew = ({ owner, probed }: Use): boolean => owner === null && probed === 0;

/** Mail scanners and previews request at most this much of a file, or disconnect. */
const PROBE_BYTES = 1024;

/**
 * The bytes that may be sent, to all clients together, before the link counts as used: at most a quarter of the file.
 */
const probeLimit = (total: number | null): number =>
  total === null ? PROBE_BYTES : Math.min(PROBE_BYTES, Math.max(1, Math.floor(total / 4)));

/** One request's use of a link. */
export interface PendingUse {
  /** The client has received the file. From now on it owns the link. */
  succeeded(): MaybePromise<void>;
  /** `bytes` bytes of content are about to be sent. `total` is the length of the whole file, or null if unknown. */
  sends(bytes: number, total: number | null): void;
  /** The request has ended. Called once. */
  end(): MaybePromise<void>;
}

/** A use that only this process knows of. */
interface LocalUse extends PendingUse {
  succeeded(): void;
  end(): void;
}
