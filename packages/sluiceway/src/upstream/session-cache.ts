import type { Destination } from '../net/destination.js';

/** Destinations whose session is kept. One takes a few KiB. */
const MAX_SESSIONS = 1000;

/**
 * The last TLS session of each destination, so that a later connection resumes it and spares the certificate
 * exchange (RFC 8446 section 2.2). Outlives the connections. The destination used longest ago gives way.
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

const toKey = ({ hostname, port }: Destination): string => `${hostname}:${port}`;
