import { once } from 'node:events';
import type * as workerThreads from 'node:worker_threads';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { BcryptThread } from '../../src/access/bcrypt-thread.js';
import { PasswordHashReader } from '../../src/access/password-hash.js';
import { bcryptOfPw } from '../support/access.js';

const threads: workerThreads.Worker[] = [];
vi.mock('node:worker_threads', async (importOriginal) => {
  const original = await importOriginal<typeof workerThreads>();
  class SeenWorker extends original.Worker {
    constructor(...args: ConstructorParameters<typeof workerThreads.Worker>) {
      super(...args);
      threads.push(this);
    }
  }
  return { ...original, Worker: SeenWorker };
});

const reader = new PasswordHashReader();
const matches = (hash: string, password: string) => reader.parse(hash).matches(password);

// Made by libxcrypt.
const SALT = '$04$abcdefghijklmnopqrstuu';

describe('bcrypt', () => {
  test.each([
    ['$2a$', bcryptOfPw.replace('$2y$', '$2a$'), 'pw'],
    ['$2b$', bcryptOfPw.replace('$2y$', '$2b$'), 'pw'],
    ['$2y$, as of htpasswd -B', bcryptOfPw, 'pw'],
    ['a password in UTF-8', `$2y${SALT}F7KK/SfP9IRGj0pPJMr8GdtCS8xpmpC`, 'p\u00e4ss'],
    ['an empty password', `$2y${SALT}byCG3zY1GIXMyxfivm.ClDiInHzxjiq`, ''],
    ['72 bytes', `$2y${SALT}BzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe`, 'a'.repeat(72)],
    ['what begins with the 72 bytes', `$2y${SALT}BzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe`, 'a'.repeat(80)],
  ])('matches %s', async (_, hash, password) => {
    expect(await matches(hash, password)).toBe(true);
    expect(await matches(hash, `x${password}`)).toBe(false);
  });

  test('several hashes, one after the other, on one thread, which ends when it has been idle for a minute', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    threads.length = 0;
    const own = new PasswordHashReader();
    const hashes = [own.parse(bcryptOfPw), own.parse(bcryptOfPw)];
    for (const hash of hashes) {
      expect(await hash.matches('pw')).toBe(true);
      vi.advanceTimersByTime(59_999);
      expect(await hash.matches('PW')).toBe(false);
    }
    expect(threads).toHaveLength(1);
    const ended = once(threads[0] as workerThreads.Worker, 'exit');
    vi.advanceTimersByTime(60_000);
    await ended;
    expect(await hashes[0]?.matches('pw')).toBe(true);
    expect(threads).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
  });

  test('a thread that fails rejects the comparison, and the next one is tried on another', async () => {
    const thread = new BcryptThread('/nowhere/bcryptjs');
    await expect(thread.matches('pw', bcryptOfPw)).rejects.toThrow(/nowhere/);
    await expect(thread.matches('pw', bcryptOfPw)).rejects.toThrow(/nowhere/);
  });
});

describe('scrypt', () => {
  // RFC 7914 section 12.
  const vector =
    '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$' +
    'cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw';

  test('matches', async () => {
    expect(await matches(vector, 'pleaseletmein')).toBe(true);
    expect(await matches(vector, 'pleaseletmeim')).toBe(false);
  });

  test('takes as much memory as it was made to take', async () => {
    const costly = vector.replace('ln=14,r=8', 'ln=16,r=8');
    expect(await matches(costly, 'pleaseletmein')).toBe(false);
  });
});

describe('what is no hash that can be used', () => {
  const noHash = 'must be a bcrypt hash ($2y$…, from htpasswd -B) or a scrypt hash ($scrypt$…)';
  const salt = 'U29kaXVtQ2hsb3JpZGU';
  const digest = 'cCO9yzr9c0hGHAbNgf046w';
  test.each([
    ['a password', 'pw', noHash],
    ['nothing', '', noHash],
    ['MD5, as of htpasswd', '$apr1$abcdefgh$abcdefghijklmnopqrstuv', noHash],
    ['SHA-1', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', noHash],
    ['SHA-512', '$6$abcdefgh$abcdefgh', noHash],
    ['bcrypt of a kind with a mistake', bcryptOfPw.replace('$2y$', '$2x$'), noHash],
    ['bcrypt that is cut short', bcryptOfPw.slice(0, -1), noHash],
    ['bcrypt with a space', `${bcryptOfPw} `, noHash],
    ['bcrypt of too little cost', bcryptOfPw.replace('$04$', '$03$'), 'must have a cost from 4 to 15, not 3'],
    ['bcrypt of too much cost', bcryptOfPw.replace('$04$', '$16$'), 'must have a cost from 4 to 15, not 16'],
    ['scrypt without parameters', `$scrypt$${salt}$${digest}`, noHash],
    [
      'scrypt that takes too much memory',
      `$scrypt$ln=18,r=8,p=1$${salt}$${digest}`,
      'must have ln, r and p of at least 1 that need at most 256 MiB',
    ],
    [
      'scrypt that takes no memory',
      `$scrypt$ln=0,r=8,p=1$${salt}$${digest}`,
      'must have ln, r and p of at least 1 that need at most 256 MiB',
    ],
    [
      'scrypt with a short salt',
      `$scrypt$ln=14,r=8,p=1$U29k$${digest}`,
      'must have a salt of at least 8 bytes and a hash of 16 to 64 bytes',
    ],
    [
      'scrypt with a short hash',
      `$scrypt$ln=14,r=8,p=1$${salt}$cCO9`,
      'must have a salt of at least 8 bytes and a hash of 16 to 64 bytes',
    ],
  ])('%s', (_, text, message) => {
    expect(() => reader.parse(text)).toThrow(message);
  });
});
