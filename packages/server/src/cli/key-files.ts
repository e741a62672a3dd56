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

/** Nobody but their owner reads keys. */
const PRIVATE = 0o600;
/** What of the mode of a file stays when it is written again: others are not to read keys, whatever was before. */
const NOT_FOR_OTHERS = 0o770;

/** Writes a key file that is not there yet. */
export function createKeyFile(file: string, keys: readonly Key[]): void {
  attempt('write', file, () => writeNew(file, formatKeys(keys), PRIVATE, null));
}

/** Writes a key file in the place of what is there. */
export function replaceKeyFile(file: string, keys: readonly Key[]): void {
  attempt('write', file, () => replace(file, formatKeys(keys), PRIVATE, null));
}

/** Puts a key before those of a file, which keeps its owner. */
export function addToKeyFile(file: string, key: Key): void {
  const [text, stats] = attempt('read', file, () => [readFileSync(file, 'utf8'), statSync(file)] as const);
  let keys: readonly Key[];
  try {
    keys = parseKeys(text);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new CommandError(`${file} is no key file: ${problems.join('; ')}`, { cause: error });
  }
  attempt('write', file, () => {
    replace(realpathSync(file), formatKeys([key, ...keys]), stats.mode & NOT_FOR_OTHERS, stats);
  });
}

/** Whoever reads the file meanwhile sees all of the old text or all of the new one, and so does the next start. */
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
  EEXIST: 'it is there already; --force writes over it, --add puts a new key into it',
  ENOENT: 'there is no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
};

function attempt<T>(verb: 'read' | 'write', file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new CommandError(`cannot ${verb} ${file}: ${reasons[code] ?? message}`, { cause: error });
  }
}
