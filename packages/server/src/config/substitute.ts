import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { OptionProblem } from 'sluiceway';
import { type AnySpec, joinPath, type Members, membersOf } from 'sluiceway/options';

/** `$${` is an escaped `${`. Anything else in `${…}` must be a reference. */
const REFERENCE = /\$\$\{|\$\{([^{}]*)\}|\$\{/g;

/** Far more than any certificate chain or key. */
const MAX_FILE_BYTES = 1024 * 1024;

/** Strings before and after their references were replaced, by path. */
export type Substitutions = ReadonlyMap<string, { written: string; value: string }>;

interface Substituted {
  value: unknown;
  substitutions: Substitutions;
  problems: OptionProblem[];
}

/**
 * Replaces references in all strings: `${env:NAME}` with an environment variable, `${env:NAME:-text}` with that or the
 * text, `${file:path}` with the content of a file without its final line break. A string that consists only of a
 * reference becomes a number or a boolean if its option takes one.
 */
export function substitute(given: unknown, members: Members, directory: string): Substituted {
  const substitutions = new Map<string, { written: string; value: string }>();
  const problems: OptionProblem[] = [];

  const visit = (
    value: unknown,
    path: string,
    spec: AnySpec | undefined,
    inner: Members | undefined,
  ): unknown => {
    if (typeof value === 'string') return replace(value, path, spec);
    if (Array.isArray(value))
      return value.map((each: unknown, i) => visit(each, `${path}[${i}]`, itemOf(spec), membersOfItem(spec)));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).map(([name, each]: [string, unknown]) => {
      const own = inner !== undefined && Object.hasOwn(inner, name) ? inner[name] : itemOf(spec);
      return [name, visit(each, joinPath(path, name), own, own && membersOf(own))];
    });
    return Object.fromEntries(entries) as unknown;
  };

  const replace = (written: string, path: string, spec: AnySpec | undefined): unknown => {
    if (!written.includes('${')) return written;
    let isReference = false;
    const value = written.replaceAll(REFERENCE, (whole, reference: string | undefined) => {
      if (whole === '$${') return '${';
      isReference = true;
      try {
        return read(reference, directory);
      } catch (error) {
        problems.push({ path, message: (error as Error).message });
        return '';
      }
    });
    if (!isReference) return value;
    substitutions.set(path, { written, value });
    return convert(value, spec);
  };

  return { value: visit(given, '', undefined, members), substitutions, problems };
}

/** Removes the values of references from messages, since each may be a secret. */
export function hideValues(
  problems: readonly OptionProblem[],
  substitutions: Substitutions,
): readonly OptionProblem[] {
  if (substitutions.size === 0) return problems;
  const hidden = Array.from(substitutions.values())
    .filter(({ value }) => value !== '')
    .toSorted((a, b) => b.value.length - a.value.length);
  return problems.map(({ path, message }) => {
    const own = substitutions.get(path);
    let text = message;
    // A short value could be part of any word, so it is only replaced in messages for its own path.
    for (const { written, value } of hidden) {
      if (value.length < 4 && own?.value !== value) continue;
      for (const form of [JSON.stringify(value), JSON.stringify(value).slice(1, -1), value])
        text = text.replaceAll(form, written);
    }
    return { path, message: text };
  });
}

function read(reference: string | undefined, directory: string): string {
  const [, kind, name = ''] = /^(env|file):(.+)$/s.exec(reference ?? '') ?? [];
  if (kind === 'env') return readVariable(name);
  if (kind === 'file') return readText(resolve(directory, name), name);
  throw new Error('has a reference that is neither ${env:NAME} nor ${file:path}; write $${ for ${ itself');
}

function readVariable(reference: string): string {
  const [, name = '', fallback] = /^(.*?)(?::-(.*))?$/s.exec(reference) ?? [];
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  if (fallback !== undefined) return fallback;
  throw new Error(`refers to the variable ${name}, which is ${value === undefined ? 'not set' : 'empty'}`);
}

function readText(file: string, name: string): string {
  let bytes: Buffer;
  try {
    bytes = readUpTo(file, MAX_FILE_BYTES);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new Error(`refers to the file ${name}, which cannot be read: ${code}`, { cause: error });
  }
  if (bytes.length > MAX_FILE_BYTES) throw new Error(`refers to the file ${name}, which is larger than 1MiB`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch (error) {
    throw new Error(`refers to the file ${name}, which is not in UTF-8`, { cause: error });
  }
}

/** The bytes of a file; if it is longer, one byte more than `limit`. */
export function readUpTo(file: string, limit: number): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    while (total <= limit) {
      const chunk = Buffer.allocUnsafe(Math.min(64 * 1024, limit + 1 - total));
      const length = readSync(descriptor, chunk);
      if (length === 0) break;
      chunks.push(chunk.subarray(0, length));
      total += length;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(descriptor);
  }
}

const itemOf = (spec: AnySpec | undefined): AnySpec | undefined =>
  spec?.item ?? spec?.choices?.find(({ item }) => item !== undefined)?.item;

function membersOfItem(spec: AnySpec | undefined): Members | undefined {
  const item = itemOf(spec);
  return item && membersOf(item);
}

/** Converts text to the type of the option, since a variable is always text. */
function convert(text: string, spec: AnySpec | undefined): unknown {
  const kinds = spec === undefined ? [] : [spec, ...(spec.choices ?? [])].map(({ kind }) => kind);
  if (kinds.includes('integer') && /^\d{1,15}$/.test(text)) return Number(text);
  const takesBoolean = kinds.includes('boolean') || spec?.off === true;
  if (takesBoolean && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
