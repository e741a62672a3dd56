import { dirname, resolve } from 'node:path';
import type { OptionProblem } from 'sluiceway';
import type { Members } from 'sluiceway/options';
import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { ConfigError, type Position } from './config-error.js';
import { locate } from './locate.js';
import type { ConfigSource } from './source.js';
import { hideValues, readUpTo, type Substitutions, substitute } from './substitute.js';

/** Enough for thousands of routes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Most uses of one anchor, with nested uses multiplied. Otherwise a few lines could expand to gigabytes. */
const MAX_ALIASES = 100;

/** A configuration file in YAML or JSON, which is a subset of YAML. */
export class ConfigFile implements ConfigSource {
  readonly directory: string;
  /** The value in the file, with anchors resolved and references as written. */
  readonly written: unknown;
  readonly value: unknown;
  readonly #name: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #substitutions: Substitutions;

  /** Reads a file. `name` is relative to the current directory. Throws a `ConfigError`. */
  constructor(name: string, members: Members) {
    this.#name = name;
    const path = resolve(name);
    this.directory = dirname(path);
    this.#lines = new LineCounter();
    const text = readText(name, path);
    this.#document = parse(name, text, this.#lines);
    this.written = toValue(name, this.#document);
    const { value, substitutions, problems } = substitute(this.written, members, this.directory);
    this.value = value;
    this.#substitutions = substitutions;
    if (problems.length > 0) throw this.toError(problems);
  }

  toError(problems: readonly OptionProblem[]): ConfigError {
    return this.#place(hideValues(problems, this.#substitutions));
  }

  /** Does not hide values: an address is not a secret. */
  toListenError(path: string, error: Error): ConfigError {
    return this.#place([{ path, message: error.message }]);
  }

  #place(problems: readonly OptionProblem[]): ConfigError {
    const placed = problems.map(({ path, message }) => ({
      path,
      message,
      position: this.#locate(path, message),
    }));
    return new ConfigError(this.#name, placed);
  }

  #locate(path: string, message: string): Position | null {
    return locate(this.#document, this.#lines, path, message.startsWith('is not an option'));
  }
}

function readText(name: string, path: string): string {
  let bytes: Buffer;
  try {
    bytes = readUpTo(path, MAX_BYTES);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw failure(name, `cannot be read: ${reasons[code] ?? message}`);
  }
  if (bytes.length > MAX_BYTES) throw failure(name, 'is larger than 4MiB, which no configuration needs');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw failure(name, 'is not in UTF-8');
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

function parse(name: string, text: string, lineCounter: LineCounter): Document {
  let document: Document;
  try {
    document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true, logLevel: 'error' });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw failure(name, 'is nested too deeply');
  }
  const mistakes: YAMLError[] = [...document.errors, ...document.warnings];
  // The parser reports an exhausted stack as a mistake of the file, with many others that follow from it.
  if (mistakes.some(({ message }) => message.includes('call stack')))
    throw failure(name, 'is nested too deeply');
  if (mistakes.length > 0) {
    const problems = mistakes.slice(0, MAX_MISTAKES).map((mistake) => {
      const { line, col } = lineCounter.linePos(mistake.pos[0]);
      return { path: '', message: describe(mistake, text), position: { line, column: col } };
    });
    throw new ConfigError(name, problems);
  }
  if (isEmpty(document)) throw failure(name, 'is empty; sluiceway config init prints a file to start with');
  if (!isMap(document.contents)) throw failure(name, 'must be an object with listeners and routes');
  return document;
}

/** Most reported syntax errors: a file that is not YAML has one in every line. */
const MAX_MISTAKES = 20;

const isEmpty = ({ contents }: Document): boolean =>
  contents === null || (isScalar(contents) && contents.value === null);

/** Describes a syntax error without text of the file, which may be a secret. */
function describe({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'DUPLICATE_KEY') {
    const [key = ''] = /^[^\n:]*/.exec(text.slice(pos[0], pos[0] + 100)) ?? [];
    return `the key ${key.trim()} is there twice`;
  }
  if (code === 'MULTIPLE_DOCS') return 'the file must have one document only';
  if (code === 'TAG_RESOLVE_FAILED') return 'the file must have no tags of its own';
  const quoted = message.indexOf('"');
  const unquoted = (quoted === -1 ? message : message.slice(0, quoted)).trimEnd();
  const plain = quoted === -1 ? unquoted.trim() : unquoted.replace(/(?::|\bin|\bat)$/, '').trim();
  return `is not valid YAML: ${plain}`;
}

function toValue(name: string, document: Document): unknown {
  try {
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown;
    if (!isTooDeep(value)) return value;
    throw failure(name, 'is nested too deeply, or has an anchor that contains itself');
  } catch (error) {
    if (error instanceof RangeError) throw failure(name, 'is nested too deeply');
    if (error instanceof ReferenceError)
      throw failure(name, 'uses its anchors too often; write out what they stand for');
    throw error;
  }
}

/** Far above what any option needs. An object that contains itself has no end. */
const MAX_DEPTH = 100;

function isTooDeep(value: unknown, depth = 0, checked: Set<object> = new Set()): boolean {
  if (typeof value !== 'object' || value === null || checked.has(value)) return false;
  if (depth > MAX_DEPTH || Object.values(value).some((each) => isTooDeep(each, depth + 1, checked)))
    return true;
  checked.add(value);
  return false;
}

const failure = (name: string, message: string): ConfigError =>
  new ConfigError(name, [{ path: '', message, position: null }]);
