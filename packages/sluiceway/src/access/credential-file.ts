import type { Checker } from '../options/checker.js';
import { readSecretFile } from '../secret-file.js';

/** A line of a file with credentials that holds something. */
export interface CredentialLine {
  /** For messages: the line itself is a secret. */
  where: string;
  text: string;
}

/**
 * Reads a text file with one credential a line; empty lines and those that begin with `#` are left out. It is read
 * once, now. What cannot be read is a problem of the option, and what other users can read gets a warning.
 */
export function readCredentialFile(check: Checker, path: string, file: unknown): CredentialLine[] {
  const name = check.string(path, file, undefined);
  const lines = check.parsed(path, name, [], readLines);
  if (name !== undefined && lines.length === 0) check.problem(path, `has nothing in it: ${name}`);
  return lines;
}

function readLines(file: string): CredentialLine[] {
  return readSecretFile(file)
    .split('\n')
    .map((line, index) => ({ where: `line ${index + 1} of ${file}`, text: line.trim() }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}

/** Whether the only key of an object is `file`. */
export function isFileOption(value: object): value is { file: unknown } {
  return Object.keys(value).join() === 'file';
}

/** Whether somebody can be called so in a log, and in a file of lines. */
export const isIdentity = (name: string): boolean => name.trim() !== '' && !/\p{Cc}/u.test(name);
