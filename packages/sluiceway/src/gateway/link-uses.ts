import { SluicewayError } from '../errors.js';
import type { MaybePromise } from '../proxy/messages/maybe-promise.js';
import { RateLimit } from '../stream/rate-limit.js';
import type { Grant } from './grant.js';

/** What the process knows of a link while it is of interest. */
interface Use {
  /** Who has the link to themselves, and whether a response of theirs has succeeded; null where it is for all. */
  owner: { client: string; hasSucceeded: boolean } | null;
  rate: RateLimit | null;
  running: number;
  /** Bytes that clients have been sent while nobody was the owner for good. */
  probed: number;
  /** When the owner's hold ends, as `performance.now`. */
  until: number;
  /** When the link ends, and nobody can ask for it any more: milliseconds since 1970. */
  expires: number;
}

/** Of a grant, what its uses have in common. */
type LinkTerms = Pick<Grant, 'singleUse' | 'rate' | 'expires'>;

/** Up to so many links are remembered before those of no more interest are looked for. */
const SWEEP_AT = 10_000;

/** Where links are used. A store that several processes share answers with promises. */
export interface LinkUseStore {
  /** Takes part in a link. Throws `link_used` where it is another client's; a client of null is not known. */
  begin(id: string, client: string | null, terms: LinkTerms): MaybePromise<PendingUse>;
}

/** Remembers what links have in common over their uses: who has taken a single-use one, and a shared rate. */
export class LinkUses implements LinkUseStore {
  readonly #uses = new Map<string, Use>();
  readonly #windowMs: number;
  #sweepAt = SWEEP_AT;

  /** `windowMs`: how long a single-use link stays with the client that took it. */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Links that are remembered. */
  get size(): number {
    return this.#uses.size;
  }

  /**
   * Takes part in a link. Throws `link_used` where it is another's: also while it is not clear yet whether the other
   * will get the file, since both must not. A client that nobody knows could be any other.
   */
  begin(id: string, client: string | null, { singleUse, rate, expires }: LinkTerms): LocalUse {
    const now = performance.now();
    if (singleUse && client === null)
      throw new SluicewayError('link_used', 'The client of the single-use link is not known');
    const use = this.#uses.get(id) ?? this.#remember(id, rate, expires * 1000);
    if (singleUse && client !== null) {
      if (use.owner !== null && use.owner.hasSucceeded && now >= use.until)
        throw new SluicewayError('link_used', 'The time of the single-use link is over');
      if (use.owner !== null && use.owner.client !== client)
        throw new SluicewayError('link_used', 'The single-use link belongs to another client');
      use.owner ??= { client, hasSucceeded: false };
    }
    use.running += 1;
    const succeeded = (): void => {
      if (use.owner === null || use.owner.hasSucceeded) return;
      use.owner.hasSucceeded = true;
      use.until = performance.now() + this.#windowMs;
    };
    return {
      rate: use.rate,
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

  #remember(id: string, rate: number | null, expires: number): Use {
    if (this.#uses.size >= this.#sweepAt) this.#sweep();
    const use: Use = {
      owner: null,
      rate: rate === null ? null : new RateLimit(rate),
      running: 0,
      probed: 0,
      until: Number.POSITIVE_INFINITY,
      expires,
    };
    this.#uses.set(id, use);
    return use;
  }

  /** Looks through all of them, so the next time is when there are twice as many. */
  #sweep(): void {
    const now = Date.now();
    for (const [id, use] of this.#uses) {
      if (use.running === 0 && (use.expires <= now || isLikeNew(use))) this.#uses.delete(id);
    }
    this.#sweepAt = Math.max(SWEEP_AT, this.#uses.size * 2);
  }
}

/**
 * Whether forgetting the link would change nothing. One whose rate has just been used up must be remembered for a
 * moment: asked for piece by piece, it would have no limit otherwise.
 */
const isLikeNew = ({ owner, rate, probed }: Use): boolean =>
  owner === null && probed === 0 && (rate === null || rate.isFull);

/** Mail scanners and previews ask for no more of a file than this, or leave. */
const PROBE_BYTES = 1024;

/** What may be sent of a file, to all clients together, before the link counts as used: at most a quarter of it. */
const probeLimit = (total: number | null): number =>
  total === null ? PROBE_BYTES : Math.min(PROBE_BYTES, Math.max(1, Math.floor(total / 4)));

/** One request's part in a link. */
export interface PendingUse {
  /** Shared by all requests of the link; null for no limit. */
  rate: RateLimit | null;
  /** The client has the file: from now on the link is its own. */
  succeeded(): MaybePromise<void>;
  /** So many bytes of content are about to be sent; of the whole file there are `total` (null: not known). */
  sends(bytes: number, total: number | null): void;
  /** The request is over. Called once. */
  end(): MaybePromise<void>;
}

/** A part in a link that this process alone knows of. */
interface LocalUse extends PendingUse {
  succeeded(): void;
  end(): void;
}
