import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { Checker } from '../options/checker.js';
import { readSecretFile } from '../secret-file.js';

/** A secret that signs links, and the name by which links say which one they need. */
export interface Key {
  /** 1 to 32 of `A-Z a-z 0-9 _ -`. It is readable in every link. */
  id: string;
  /** At least 32 bytes from a random source, in base64url. */
  secret: string;
}

/**
 * Keys by themselves, or where they are: a file, or a variable of the environment, that holds what `sluiceway keys
 * new` prints. New links are signed with the first one, links of all of them are valid: put a new key first to rotate,
 * and take the old one out when its links have expired. A file is read again when it has changed.
 */
export type KeyOptions = readonly Key[] | { file: string } | { env: string };

export interface ResolvedKey {
  id: string;
  secret: Buffer;
}

/** At least one key. */
export interface KeyRing {
  /** Signs. */
  readonly first: ResolvedKey;
  /**
   * The key of that id. For an id that none has it is one whose secret nobody knows: what is made with it cannot be
   * right, and finding that out takes as long as with any other.
   */
  find(id: string): ResolvedKey;
  /** Reads the keys again where they came from. Throws an `OptionsError`, and keeps those that it has. */
  reload(): void;
}

const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/;
const MIN_SECRET_BYTES = 32;

/** A new key, whose id names the day on which it was made. */
export function generateKey(now: Date = new Date()): Key {
  const day = now.toISOString().slice(0, 10).replaceAll('-', '');
  return {
    id: `k${day}-${randomBytes(3).toString('hex')}`,
    secret: randomBytes(MIN_SECRET_BYTES).toString('base64url'),
  };
}

/** The text of a key file. */
export const formatKeys = (keys: readonly Key[]): string => `${JSON.stringify({ keys }, null, 2)}\n`;

/** Reads the text of a key file. Throws an `OptionsError` with every problem, none of which repeats a secret. */
export function parseKeys(text: string): readonly Key[] {
  const check = new Checker('parseKeys');
  const given = check.parsed('', text, null, readKeyList);
  if (given !== null) resolveKeyList(check, 'keys', given);
  check.throwIfAny();
  return given as readonly Key[];
}

/** Reads and checks keys. No problem repeats a secret. Null where there is a problem. */
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

/** How often a key file is looked at, at most. */
const LOOK_MS = 1000;

/** Keys that are read again where their file has changed. What cannot be read then leaves the keys as they are. */
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
        `The keys stay as they were: ${error instanceof Error ? error.message : String(error)}`,
        'SluicewayKeysWarning',
      );
    }
  }

  /** What changes when a file is written, or another takes its place. */
  #readVersion(): string {
    if (this.#file === null) return '';
    try {
      const { ino, size, mtimeMs, ctimeMs } = statSync(this.#file);
      return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch {
      // It is gone, or its folder may not be looked into any more.
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
  if (typeof file !== 'string') throw new TypeError('must name a file by a string');
  return readSecretFile(file);
}

function readVariable(name: unknown): string {
  if (typeof name !== 'string') throw new TypeError('must name a variable of the environment by a string');
  const text = process.env[name];
  if (text === undefined || text === '') throw new TypeError(`names the variable ${name}, which is not set`);
  return text;
}

function readKeyList(text: string): readonly unknown[] {
  const form = 'must lead to JSON such as {"keys": [{"id": "…", "secret": "…"}]}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Not as a cause: what a JSON parser complains about may be a piece of a secret.
    throw new TypeError(form);
  }
  const keys = typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : null;
  if (!Array.isArray(keys)) throw new TypeError(form);
  return keys as unknown[];
}

/** The bytes of base64url text, or null where it is not the one spelling of them. */
export function decodeBase64Url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
