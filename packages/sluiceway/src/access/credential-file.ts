import type { Checker } from '../options/checker.js';
import { readSecretFile } from '../secret-file.js';

/** A line of a credential file that is neither empty nor a comment. */
export interface CredentialLine {
  /** The position, for messages. The line itself is a secret. */
  where: string;
  text: string;
}

/**
 * Reads a text file with one credential per line. Skips empty lines and lines that begin with `#`. The file is read
 * once, during this call. A file that cannot be read is a problem of the option. A file that other users can read
 * causes a warning.
 */
export function readCredentialFile(check: Checker, path: string, file: unknown): CredentialLine[] {
  const name = check.string(path, file, undefined);
  const lines = check.parsed(path, name, null, readLines);
  if (lines?.length === 0) check.problem(path, `is empty: ${name}`);
  return lines ?? [];
}

function readLines(file: string): CredentialLine[] {
  return readSecretFile(file)
    .split('\n')
    .map((line, index) => ({ where: `line ${index + 1} of ${file}`, text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}

/** Reports whether `file` is the only key of an object. */
export function isFileOption(value: object): value is { file: unknown } {
  return Object.keys(value).join() === 'file';
}

/** Reports whether a name can be written to a log and to a file of lines. */
export const isIdentity = (name: string): boolean => name.trim() !== '' && !/\p{Cc}/u.test(name);
