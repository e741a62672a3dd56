import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** A certificate of the storage. It has the members of a certificate of a listener. */
export interface StoredCertificate {
  /** The chain in PEM, the server's certificate first. */
  cert: string;
  /** In PEM. */
  key: string;
  parsed: X509Certificate;
}

/** A lock is taken over if its owner has not touched it for so long: then it has died. */
const STALE_LOCK_MS = 15 * 60_000;

/**
 * The folder of one authority: the key of the account, the certificates with their keys, and the answers to challenges.
 * Several processes, and several machines, can share it. Files are readable by their owner only, and are replaced
 * atomically.
 */
export class AcmeStorage {
  readonly #folder: string;
  readonly #challenges: string;

  /** Each directory has a folder of its own, so that changing to another one, as from a staging one, starts anew. */
  constructor(storage: string, directory: string) {
    const { host, pathname } = new URL(directory);
    this.#folder = join(storage, `${host}${pathname}`.replaceAll(/[^\w.-]+/g, '_'));
    this.#challenges = join(this.#folder, 'challenges');
  }

  /** Creates the folders. Throws the errors of the file system. */
  prepare(): void {
    mkdirSync(this.#challenges, { recursive: true, mode: 0o700 });
  }

  /** The key of the account. Makes one if there is none. */
  accountKey(): KeyObject {
    const file = join(this.#folder, 'account.key');
    const found = readIfThere(file);
    if (found !== null) return createPrivateKey(found);
    const pem = toPem(generateKey());
    // Another process may have made one meanwhile. A link fails if the name exists.
    const temporary = this.#writeTemporary(file, pem);
    try {
      linkSync(temporary, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
    return createPrivateKey(readFileSync(file, 'utf8'));
  }

  /** Null if there is none, or if the file has no certificate with its key. */
  readCertificate(name: string): StoredCertificate | null {
    const pem = readIfThere(this.#certificateFile(name));
    return pem === null ? null : parseBundle(pem);
  }

  /** When the certificate was written; 0 if there is none. */
  certificateTime(name: string): number {
    return statSync(this.#certificateFile(name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  }

  /** The chain and the key are in one file, so that they are replaced together. */
  writeCertificate(name: string, chain: string, key: KeyObject): void {
    this.#write(this.#certificateFile(name), `${chain.trimEnd()}\n${toPem(key)}`);
  }

  /** The answer to a challenge, null if there is none. Any process that shares the storage can answer. */
  readChallenge(token: string): string | null {
    return isToken(token) ? readIfThere(join(this.#challenges, token)) : null;
  }

  writeChallenge(token: string, answer: string): void {
    if (!isToken(token)) throw new Error('the token of the challenge is not base64url (RFC 8555 section 8)');
    this.#write(join(this.#challenges, token), answer);
  }

  removeChallenge(token: string): void {
    if (isToken(token)) rmSync(join(this.#challenges, token), { force: true });
  }

  /** The answer to a challenge over TLS for a host name, null if there is none. */
  readTlsChallenge(name: string): string | null {
    return this.readChallenge(tlsToken(name));
  }

  writeTlsChallenge(name: string, answer: string): void {
    this.writeChallenge(tlsToken(name), answer);
  }

  removeTlsChallenge(name: string): void {
    this.removeChallenge(tlsToken(name));
  }

  /** Takes the lock of a name. Returns null if another process has it, and otherwise a function that gives it back. */
  lock(name: string): (() => void) | null {
    const file = join(this.#folder, `${name}.lock`);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY);
    if (age > STALE_LOCK_MS) rmSync(file, { force: true });
    const id = randomBytes(16).toString('hex');
    try {
      writeFileSync(file, id, { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null;
      throw error;
    }
    const timer = setInterval(() => touch(file), STALE_LOCK_MS / 5).unref();
    return () => {
      clearInterval(timer);
      if (readIfThere(file) === id) rmSync(file, { force: true });
    };
  }

  #certificateFile(name: string): string {
    return join(this.#folder, `${name}.pem`);
  }

  #write(file: string, text: string): void {
    renameSync(this.#writeTemporary(file, text), file);
  }

  /** Writes a new file beside `file`, and returns its path. The content is on the disk before the file gets its name. */
  #writeTemporary(file: string, text: string): string {
    const temporary = `${file}.${randomBytes(8).toString('hex')}.tmp`;
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return temporary;
  }
}

export const generateKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

const toPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }) as string;

/** A name comes from a client, so it does not become part of a path. */
const tlsToken = (name: string): string => `tls-${createHash('sha256').update(name).digest('hex')}`;

/** Tokens become file names. They have the characters of base64url only (RFC 8555 section 8). */
const isToken = (token: string): boolean => /^[\w-]{1,128}$/.test(token);

function parseBundle(pem: string): StoredCertificate | null {
  const chain = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/g);
  const [key] = /-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----\n?/.exec(pem) ?? [];
  if (chain === null || key === undefined) return null;
  try {
    const cert = chain.join('');
    const parsed = new X509Certificate(cert);
    return parsed.checkPrivateKey(createPrivateKey(key)) ? { cert, key, parsed } : null;
  } catch {
    return null;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function touch(file: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // Another process has taken it over.
  }
}
