import { readFileSync } from 'node:fs';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import { describeThrown, isInstance, SluicewayError, toSluicewayError } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import { createAddressPolicy } from '../../net/address-policy.js';
import type { Checker } from '../../options/checker.js';
import { type Target, toTarget } from '../../upstream/target.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import { WireTransport } from '../../upstream/wire/wire-transport.js';
import { unavailable } from './forward-auth.js';
import type { JwtKeys } from './jwt-options.js';
import { loadJose } from './load-jose.js';
import { sendSubRequest } from './sub-request.js';

/** Issuers have a handful of keys. A larger answer is not a key set. */
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

export interface KeySetSettings {
  allowAddresses: readonly string[];
  tls: TransportOptions['tls'];
  timeoutMs: number;
  cacheMaxAgeMs: number;
  cooldownMs: number;
  staleIfErrorMs: number;
}

/** Returns how to find the key of a token. Adds problems to `check`. */
export function resolveKeySet(
  check: Checker,
  path: string,
  jwks: JwtKeys,
  settings: KeySetSettings,
): JWTVerifyGetKey | undefined {
  return check.parsed(path, jwks, undefined, (given) => {
    if (typeof given === 'string' || given instanceof URL)
      return new RemoteKeySet(toKeySetTarget(given, settings.allowAddresses), settings).find;
    if (typeof given !== 'object' || given === null)
      throw new TypeError('must be a URL, { file }, or an object with keys');
    return localKeySet('file' in given ? readKeyFile(given.file) : readKeySet(given));
  });
}

function localKeySet(jwks: JSONWebKeySet): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | null = null;
  return async (header, token) => {
    const { createLocalJWKSet } = await loadJose();
    keys ??= createLocalJWKSet(jwks);
    return keys(header, token);
  };
}

/** TLS protects the keys on their way: whoever can change them can make tokens. */
function toKeySetTarget(url: string | URL, allowAddresses: readonly string[]): Target {
  const target = toTarget(url);
  const { protocol, hostname } = target.base;
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(hostname);
  if (protocol === 'http:' && !(isLoopback && allowAddresses.length > 0))
    throw new TypeError('must be an https: URL, or http: to a loopback host that allowAddresses allows');
  return target;
}

function readKeyFile(file: string): JSONWebKeySet {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new TypeError(`names a file that cannot be read: ${code}`, { cause: error });
  }
  return readKeySet(parseJson(text));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TypeError('must be a JSON Web Key Set, which is JSON', { cause: error });
  }
}

/** Checks that a value is a set of public keys. Throws a `TypeError`. */
function readKeySet(value: unknown): JSONWebKeySet {
  const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : null;
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'object' && key !== null))
    throw new TypeError('must be a JSON Web Key Set: an object with a list of keys');
  if (keys.length > MAX_KEYS) throw new TypeError(`must have at most ${MAX_KEYS} keys`);
  const jwks = keys as Record<string, unknown>[];
  if (jwks.some(({ kty, d, k }) => kty === 'oct' || d !== undefined || k !== undefined))
    throw new TypeError('must have public keys only');
  return { keys: jwks };
}

/**
 * The keys at a URL. They are fetched when they are first needed, when they are old, and when a token has an unknown key
 * id; requests that wait for the same fetch share it.
 */
class RemoteKeySet {
  readonly #target: Target;
  readonly #settings: KeySetSettings;
  readonly #transport: Transport;
  #keys: JWTVerifyGetKey | null = null;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failure: SluicewayError | null = null;
  #pending: Promise<void> | null = null;

  constructor(target: Target, settings: KeySetSettings) {
    this.#target = target;
    this.#settings = settings;
    const { allowAddresses: allow, tls, timeoutMs } = settings;
    this.#transport = new WireTransport({
      policy: createAddressPolicy({ allow, base: 'public' }),
      connectTimeoutMs: timeoutMs,
      maxConnections: 1,
      ...(tls !== undefined && { tls }),
    });
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { errors } = await loadJose();
    const keys = await this.#current();
    try {
      return await keys(header, token);
    } catch (error) {
      if (!isInstance(error, errors.JWKSNoMatchingKey) || !this.#mayFetch()) throw error;
      await this.#fetch();
      return (this.#keys ?? keys)(header, token);
    }
  };

  /** Throws if there are no keys that can be used. */
  async #current(): Promise<JWTVerifyGetKey> {
    const { cacheMaxAgeMs, staleIfErrorMs } = this.#settings;
    const age = performance.now() - this.#fetchedAt;
    if (this.#keys === null || age > cacheMaxAgeMs) {
      // While the issuer is down, requests do not wait for it as long as there are keys.
      const isDown = this.#failure !== null && this.#keys !== null && age <= cacheMaxAgeMs + staleIfErrorMs;
      const fetching = this.#pending ?? (this.#mayFetch() ? this.#fetch() : null);
      if (!isDown) await fetching;
    }
    const isUsable = performance.now() - this.#fetchedAt <= cacheMaxAgeMs + staleIfErrorMs;
    if (this.#keys !== null && isUsable) return this.#keys;
    throw this.#failure ?? unavailable(new SluicewayError('http_response_incomplete', 'There are no keys'));
  }

  #mayFetch(): boolean {
    return this.#pending !== null || performance.now() - this.#triedAt >= this.#settings.cooldownMs;
  }

  /** Never rejects. */
  #fetch(): Promise<void> {
    this.#pending ??= this.#load().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  async #load(): Promise<void> {
    this.#triedAt = performance.now();
    try {
      const { timeoutMs } = this.#settings;
      const fields = new Fields(['Accept', 'application/jwk-set+json, application/json']);
      const { status, content } = await sendSubRequest(this.#transport, this.#target, fields, {
        timeoutMs,
        maxBytes: MAX_BYTES,
      });
      if (status !== 200) throw new TypeError(`the answer was ${status}`);
      if (content === null) throw new TypeError(`the key set is larger than ${MAX_BYTES} bytes`);
      const { createLocalJWKSet } = await loadJose();
      this.#keys = createLocalJWKSet(publicKeysOf(parseJson(content.toString('utf8'))));
      this.#fetchedAt = performance.now();
      this.#failure = null;
    } catch (error) {
      const message = `The key set cannot be used: ${describeThrown(error)}`;
      const cause =
        error instanceof TypeError
          ? new SluicewayError('http_protocol_error', message, { cause: error })
          : toSluicewayError(error);
      this.#failure = unavailable(cause);
    }
  }
}

/** An issuer may publish keys that are not for signatures. They are ignored, as unknown ones are (RFC 7517 section 5). */
function publicKeysOf(value: unknown): JSONWebKeySet {
  const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : null;
  if (!Array.isArray(keys)) return readKeySet(value);
  const isPublic = (key: unknown): boolean =>
    typeof key === 'object' && key !== null && !('k' in key) && !('d' in key);
  return readKeySet({ keys: keys.filter(isPublic) });
}
