import type { Destination } from '../net/destination.js';

/** Most sessions that are kept. Each takes a few KiB. */
const MAX_SESSIONS = 1000;

/**
 * Keeps the last TLS session of each destination, so that a later connection can resume it without the certificate
 * exchange (RFC 8446 section 2.2). Sessions outlive their connections. If there are too many, the one that was set
 * longest ago is dropped.
 */
export class SessionCache {
  readonly #sessions = new Map<string, Buffer>();

  get(destination: Destination): Buffer | undefined {
    return this.#sessions.get(toKey(destination));
  }

  set(destination: Destination, session: Buffer): void {
    const key = toKey(destination);
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }
}

const toKey = ({ hostname, port, address = '' }: Destination): string => `${hostname}:${port} ${address}`;
