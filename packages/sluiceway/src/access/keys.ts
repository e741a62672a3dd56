import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { Checker } from '../options/checker.js';
import { readSecretFile } from '../secret-file.js';

/** A secret that signs links, and its id, which links contain. */
export interface Key {
  /** 1 to 32 of `A-Z a-z 0-9 _ -`. Visible in every link. */
  id: string;
  /** At least 32 bytes from a random source, in base64url. */
  secret: string;
}

/**
 * The keys, or a file or environment variable that holds the output of `sluiceway keys new`. The first key signs new
 * links. Links signed with any of the keys are valid. To rotate keys, put a new key first, and remove the old one when
 * its links have expired. A file is read again when it changes.
 */
export type KeyOptions = readonly Key[] | { file: string } | { env: string };

export interface ResolvedKey {
  id: string;
  secret: Buffer;
}

/** At least one key. */
export interface KeyRing {
  /** The key that signs new links. */
  readonly first: ResolvedKey;
  /**
   * Returns the key with this id. For an unknown id, it returns a key with a random secret: no signature matches it,
   * and the check takes as long as with a known key.
   */
  find(id: string): ResolvedKey;
  /** Reads the keys again from their source. If that fails, throws an `OptionsError` and keeps the current keys. */
  reload(): void;
}

const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const MIN_SECRET_BYTES = 32;

/** Creates a key whose id is the current date. */
export function generateKey(now: Date = new Date()): Key {
  const day = now.toISOString().slice(0, 10).replaceAll('-', '');
  return {
    id: `k${day}-${randomBytes(3).toString('hex')}`,
    secret: randomBytes(MIN_SECRET_BYTES).toString('base64url'),
  };
}

/** Formats keys as the text of a key file. */
export const formatKeys = (keys: readonly Key[]): string => `${JSON.stringify({ keys }, null, 2)}\n`;

/** Parses the text of a key file. Throws an `OptionsError` that lists every problem. The error contains no secrets. */
export function parseKeys(text: string): readonly Key[] {
  const check = new Checker('parseKeys');
  const given = check.parsed('', text, null, readKeyList);
  if (given !== null) resolveKeyList(check, 'keys', given);
  check.throwIfAny();
  return given as readonly Key[];
}

/** Reads and checks keys. Returns null if there is a problem. Problems contain no secrets. */
export function resolveKeys(check: Checker, path: string, options: KeyOptions | undefined): KeyRing | null {
  const keys = readKeyRing(check, path, options);
  return keys === null || options === undefined
    ? null
    : new ReloadingKeys(check.subject, path, options, keys);
}

type FixedKeys = Omit<KeyRing, 'reload'>;

function readKeyRing(check: Checker, path: string, options: KeyOptions | undefined): FixedKeys | null {
  check.required(path, options);
  if (options === undefined) return null;
  const given = Array.isArray(options) ? (options as unknown[]) : readKeys(check, path, options);
  return given === null ? null : resolveKeyList(check, path, given);
}

/** The shortest interval between two checks of a key file. */
const LOOK_MS = 1000;

/** Keys that are read again when their file changes. If reading fails, the current keys stay in use. */
class ReloadingKeys implements KeyRing {
  readonly #subject: string;
  readonly #path: string;
  readonly #options: KeyOptions;
  readonly #file: string | null;
  #keys: FixedKeys;
  #version: string;
  #lookedAt = performance.now();

  constructor(subject: string, path: string, options: KeyOptions, keys: FixedKeys) {
    this.#subject = subject;
    this.#path = path;
    this.#options = options;
    this.#file = 'file' in options ? options.file : null;
    this.#keys = keys;
    this.#version = this.#readVersion();
  }

  get first(): ResolvedKey {
    this.#look();
    return this.#keys.first;
  }

  find(id: string): ResolvedKey {
    this.#look();
    return this.#keys.find(id);
  }

  reload(): void {
    this.#version = this.#readVersion();
    const check = new Checker(this.#subject);
    const keys = readKeyRing(check, this.#path, this.#options);
    check.throwIfAny();
    if (keys !== null) this.#keys = keys;
  }

  #look(): void {
    if (this.#file === null || performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    if (this.#readVersion() === this.#version) return;
    try {
      this.reload();
    } catch (error) {
      process.emitWarning(
        `The current keys stay in use: ${error instanceof Error ? error.message : String(error)}`,
        'SluicewayKeysWarning',
      );
    }
  }

  /** Returns a string that changes when the file is written or replaced. */
  #readVersion(): string {
    if (this.#file === null) return '';
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#file);
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch {
      // The file is gone, or its folder is no longer accessible.
      return 'none';
    }
  }
}

function resolveKeyList(check: Checker, path: string, given: readonly unknown[]): FixedKeys | null {
  const keys = given.flatMap((key, i) => resolveKey(check, `${path}[${i}]`, key) ?? []);
  const byId = new Map<string, ResolvedKey>();
  for (const key of keys) {
    if (byId.has(key.id)) check.problem(path, `must not have the id ${JSON.stringify(key.id)} twice`);
    byId.set(key.id, key);
  }
  const [first] = keys;
  if (given.length === 0) check.problem(path, 'must have at least one key');
  if (first === undefined) return null;
  const unknown: ResolvedKey = { id: '', secret: randomBytes(MIN_SECRET_BYTES) };
  return { first, find: (id) => byId.get(id) ?? unknown };
}

function resolveKey(check: Checker, path: string, key: unknown): ResolvedKey | null {
  check.required(path, key);
  if (key === undefined || !check.unknownKeys(path, key, ['id', 'secret'])) return null;
  const { id, secret } = key as { id?: unknown; secret?: unknown };
  const isIdFine = typeof id === 'string' && KEY_ID.test(id);
  if (!isIdFine) check.problem(`${path}.id`, 'must be 1 to 32 letters, digits, _ and -');
  const bytes = typeof secret === 'string' ? decodeBase64Url(secret) : null;
  if (bytes === null) check.problem(`${path}.secret`, 'must be base64url without padding');
  else if (bytes.length < MIN_SECRET_BYTES) {
    check.problem(
      `${path}.secret`,
      `must have at least ${MIN_SECRET_BYTES} bytes; sluiceway keys new makes one`,
    );
  }
  return isIdFine && bytes !== null ? { id, secret: bytes } : null;
}

function readKeys(check: Checker, path: string, options: object): readonly unknown[] | null {
  if (!check.unknownKeys(path, options, ['file', 'env'])) return null;
  const { file, env } = options as { file?: unknown; env?: unknown };
  if ((file === undefined) === (env === undefined)) {
    check.problem(path, 'must be a list of keys, or an object with either file or env');
    return null;
  }
  return check.parsed(path, true, null, () =>
    readKeyList(file === undefined ? readVariable(env) : readKeyFile(file)),
  );
}

function readKeyFile(file: unknown): string {
  if (typeof file !== 'string') throw new TypeError('must be a string with the path of a file');
  return readSecretFile(file);
}

function readVariable(name: unknown): string {
  if (typeof name !== 'string')
    throw new TypeError('must be a string with the name of an environment variable');
  const text = process.env[name];
  if (text === undefined || text === '')
    throw new TypeError(`names the environment variable ${name}, which is not set`);
  return text;
}

function readKeyList(text: string): readonly unknown[] {
  const form = 'must contain JSON such as {"keys": [{"id": "…", "secret": "…"}]}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // No `cause`: a JSON parser's message can quote part of a secret.
    throw new TypeError(form);
  }
  const keys = typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : null;
  if (!Array.isArray(keys)) throw new TypeError(form);
  return keys as unknown[];
}

/** Decodes base64url. Returns null if the text is not the canonical encoding of its bytes. */
export function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
