import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { OptionsError } from 'sluiceway';
import { formatKeys, type Key, parseKeys } from 'sluiceway/gateway';
import { CommandError } from './command-error.js';

/** Only the owner can read keys. */
const PRIVATE = 0o600;
/** Mode bits that a rewritten file keeps: others never get access to keys, whatever the old mode was. */
const NOT_FOR_OTHERS = 0o770;

/** Writes a new key file. Throws if the file exists. */
export function createKeyFile(file: string, keys: readonly Key[]): void {
  attempt('write', file, () => writeNew(file, formatKeys(keys), PRIVATE, null));
}

/** Writes a key file, replacing an existing one. */
export function replaceKeyFile(file: string, keys: readonly Key[]): void {
  attempt('write', file, () => replace(file, formatKeys(keys), PRIVATE, null));
}

/** Adds a key before the keys of a file. The file keeps its owner. */
export function addToKeyFile(file: string, key: Key): void {
  const [text, stats] = attempt('read', file, () => [readFileSync(file, 'utf8'), statSync(file)] as const);
  let keys: readonly Key[];
  try {
    keys = parseKeys(text);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new CommandError(`${file} is not a key file: ${problems.join('; ')}`, { cause: error });
  }
  attempt('write', file, () => {
    replace(realpathSync(file), formatKeys([key, ...keys]), stats.mode & NOT_FOR_OTHERS, stats);
  });
}

/** Replaces the file atomically: a concurrent reader sees either all of the old text or all of the new one. */
function replace(file: string, text: string, mode: number, owner: Stats | null): void {
  const other = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeNew(other, text, mode, owner);
    renameSync(other, file);
  } catch (error) {
    rmSync(other, { force: true });
    throw error;
  }
}

function writeNew(file: string, text: string, mode: number, owner: Stats | null): void {
  const descriptor = openSync(file, 'wx', PRIVATE);
  try {
    if (owner !== null && process.getuid?.() !== owner.uid) fchownSync(descriptor, owner.uid, owner.gid);
    fchmodSync(descriptor, mode);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EEXIST: 'it already exists; --force overwrites it, --add adds a key to it',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'is a directory',
};

function attempt<T>(verb: 'read' | 'write', file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new CommandError(`cannot ${verb} ${file}: ${reasons[code] ?? message}`, { cause: error });
  }
}
