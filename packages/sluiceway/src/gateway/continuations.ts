import { BoundedMap } from '../access/bounded-map.js';
import type { Outcome } from '../errors.js';
import type { ReadonlyFields } from '../http/fields.js';
import { TransferLimits } from './transfer-limits.js';

/** Clients that continue automatically do so within seconds. `aria2` and `wget` wait for up to a minute. */
const WINDOW_MS = 60_000;
/** Each takes about 200 bytes. */
const MAX_REMEMBERED = 10_000;

/** Outcomes that leave a client with a part of the file, whichever side caused them. */
const BROKEN: ReadonlySet<Outcome> = new Set([
  'client_aborted',
  'upstream_truncated',
  'upstream_stalled',
  'upstream_invalid',
]);

/**
 * Downloads that broke within the last minute. Each may be continued once even if the limits are reached. At most as
 * many may be continued at a time as may run, so that no client gets more than twice its share.
 */
export class Continuations {
  /** When each download broke, by client and link. */
  readonly #broken = new BoundedMap<number>(MAX_REMEMBERED);
  readonly #places: TransferLimits;

  constructor(maxTransfers: number | null, maxPerClient: number | null) {
    this.#places = new TransferLimits(maxTransfers, maxPerClient);
  }

  ended(client: string, link: string, outcome: Outcome): void {
    if (BROKEN.has(outcome)) this.#broken.set(keyOf(client, link), performance.now());
  }

  /** Takes a slot if the client continues one of them. Returns null if it does not. Throws `transfer_limit_reached`. */
  enter(client: string, link: string): (() => void) | null {
    const key = keyOf(client, link);
    const at = this.#broken.get(key);
    if (at === undefined || performance.now() - at > WINDOW_MS) return null;
    const release = this.#places.enter(client);
    this.#broken.delete(key);
    return release;
  }
}

/** Reports whether a request is for the rest of a file (RFC 9110 section 14.2). */
export const isContinuation = (headers: ReadonlyFields): boolean =>
  /^bytes=0*[1-9]\d*-/i.test(headers.get('range')?.trim() ?? '');

const keyOf = (client: string, link: string): string => `${client}\n${link}`;
