import { createHmac } from 'node:crypto';
import { type BalancedRequest, readCookie } from './choose/hash-key.js';
import type { Server } from './server.js';

/** Checked values of `sticky`. */
export interface StickySettings {
  /** The name of the cookie. */
  cookie: string;
  secret: string | Uint8Array;
  /** Null: a session cookie. */
  maxAgeSeconds: number | null;
  path: string;
  domain: string | null;
  sameSite: 'strict' | 'lax' | 'none';
}

/** 132 bits: a collision of servers, or a guess, is out of the question. */
const ID_LENGTH = 22;

/**
 * Keeps the requests of a client at one server with a cookie. The value is an HMAC of the URL of the server: it reveals
 * nothing about the server, and a client cannot make one for a server that it did not get.
 */
export class Sticky {
  readonly #settings: StickySettings;
  #servers: ReadonlyMap<string, Server> = new Map();
  #ids: ReadonlyMap<Server, string> = new Map();

  constructor(settings: StickySettings) {
    this.#settings = settings;
  }

  setServers(servers: readonly Server[], keyOf: (server: Server) => string): void {
    const pairs = servers.map((server) => ({ server, id: this.#sign(keyOf(server)) }));
    this.#servers = new Map(pairs.map(({ server, id }) => [id, server]));
    this.#ids = new Map(pairs.map(({ server, id }) => [server, id]));
  }

  /** The server that the cookie of a request names. Undefined if there is none, or no longer. */
  find({ headers }: BalancedRequest): Server | undefined {
    const value = readCookie(headers, this.#settings.cookie);
    // A lookup by hash says nothing about how much of a value is right.
    return value === null ? undefined : this.#servers.get(value);
  }

  /** The `Set-Cookie` line that keeps a client at the server; null if it has the cookie. */
  cookieFor(server: Server, request: BalancedRequest, isSecure: boolean): string | null {
    const id = this.#ids.get(server);
    if (id === undefined || this.find(request) === server) return null;
    const { cookie, path, domain, maxAgeSeconds, sameSite } = this.#settings;
    const parts = [`${cookie}=${id}`, `Path=${path}`];
    if (domain !== null) parts.push(`Domain=${domain}`);
    if (maxAgeSeconds !== null) parts.push(`Max-Age=${maxAgeSeconds}`);
    parts.push('HttpOnly');
    if (isSecure) parts.push('Secure');
    // Browsers refuse SameSite=None without Secure.
    if (isSecure || sameSite !== 'none') parts.push(`SameSite=${SAME_SITE[sameSite]}`);
    return parts.join('; ');
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#settings.secret).update(text).digest('base64url').slice(0, ID_LENGTH);
  }
}

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const;
