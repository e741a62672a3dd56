import type { Duration, Size } from '../units.js';
import type { Checker } from './checker.js';
import type { JsonSchema } from './json-schema.js';
import { type Members, OFF, type OptionKind, type Spec } from './spec.js';

/** Properties that every description may have. */
export interface About {
  doc?: string;
  required?: boolean;
  /** Replaces the usual name of the type. */
  type?: string;
  /** Replaces the text of `default`. Needed if the meaning of an absent option is not one of its values. */
  defaultText?: string;
}

/** Excludes undefined from the value if there is a default. */
export type Settled<A, Value> = A extends { default: string | number | boolean | readonly unknown[] }
  ? Value
  : Value | undefined;

/** The additional input that turns a quantity off. */
export type OffInput<A> = A extends { off: true } ? typeof OFF : never;

/** The value of a quantity. Null if it is turned off. */
export type Quantity<A> = Settled<A, number> | (A extends { off: true } ? null : never);

export type IsRequired<A> = A extends { required: true } ? true : false;

interface Parts<Value> {
  kind: OptionKind;
  type: string;
  default?: unknown;
  defaultText?: string;
  off?: boolean;
  read(check: Checker, path: string, value: unknown): Value;
  schema(): JsonSchema | null;
}

/** Completes a description: its check reports a required option that is missing, and fills in the default. */
export function define<Input, Value, Required extends boolean>(
  about: About,
  parts: Parts<Value>,
): Spec<Input, Value, Required> {
  const { default: fallback, off = false, defaultText = describeDefault(fallback) } = parts;
  const required = about.required ?? false;
  return {
    kind: parts.kind,
    doc: about.doc ?? '',
    type: about.type ?? parts.type,
    default: fallback,
    defaultText: about.defaultText ?? defaultText,
    // `Required` is derived from `about`.
    required: required as Required,
    off,
    read: (check, path, value) => {
      if (required) check.required(path, value);
      return parts.read(check, path, value === undefined ? fallback : value);
    },
    schema: () => parts.schema(),
  };
}

function describeDefault(value: unknown): string {
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isScalar ? `\`${value}\`` : 'none';
}

export interface QuantityAbout<Given> extends About {
  /** As a user would write it. */
  default?: Given | typeof OFF;
  /** The smallest value, in the unit of the check. */
  min?: number;
  /** Whether `OFF` turns it off. */
  off?: boolean;
}

/** Milliseconds, from `'500ms'`, `'1h30m'` or a number, up to the longest delay of a timer (24 days). */
export function duration<const A extends QuantityAbout<Duration>>(
  about: A,
): Spec<Duration | OffInput<A>, Quantity<A>, IsRequired<A>> {
  return quantity(about, 'duration', String.raw`^(\d+|(\d+(\.\d+)?(ms|[smhd]))+)$`, (check, path, value) =>
    check.duration(path, value, undefined, limitsOf(about)),
  );
}

/** Bytes, from `'64KiB'`, `'10MB'` or a number. */
export function size<const A extends QuantityAbout<Size>>(
  about: A,
): Spec<Size | OffInput<A>, Quantity<A>, IsRequired<A>> {
  return quantity(about, 'size', String.raw`^(\d+|\d+(\.\d+)?([KMGT]iB|[kKMGT]?B))$`, (check, path, value) =>
    check.bytes(path, value, undefined, limitsOf(about)),
  );
}

function quantity<A extends QuantityAbout<string | number>>(
  about: A,
  kind: 'duration' | 'size',
  pattern: string,
  read: (check: Checker, path: string, value: unknown) => number | undefined,
): Spec<string | number | OffInput<A>, Quantity<A>, IsRequired<A>> {
  return define(about, {
    ...withDefault(about),
    kind,
    type: kind,
    off: about.off ?? false,
    read: unlessOff(about, read),
    schema: () => ({
      anyOf: [{ type: 'string', pattern }, { type: 'integer', minimum: about.min ?? 0 }, ...offSchema(about)],
    }),
  });
}

export interface IntegerAbout extends QuantityAbout<number> {
  max?: number;
}

export function integer<const A extends IntegerAbout>(
  about: A,
): Spec<number | OffInput<A>, Quantity<A>, IsRequired<A>> {
  const { max } = about;
  const limits = { ...limitsOf(about), ...(max !== undefined && { max }) };
  const schema: JsonSchema = {
    type: 'integer',
    minimum: about.min ?? 0,
    ...(max !== undefined && { maximum: max }),
  };
  return define(about, {
    ...withDefault(about),
    kind: 'integer',
    type: 'number',
    off: about.off ?? false,
    read: unlessOff(about, (check, path, value) => check.integer(path, value, undefined, limits)),
    schema: () => (about.off === true ? { anyOf: [schema, ...offSchema(about)] } : schema),
  });
}

export function boolean<const A extends About & { default?: boolean }>(
  about: A,
): Spec<boolean, Settled<A, boolean>, IsRequired<A>> {
  return define(about, {
    ...withDefault(about),
    kind: 'boolean',
    type: 'boolean',
    read: (check, path, value) => check.boolean(path, value, undefined) as Settled<A, boolean>,
    schema: () => ({ type: 'boolean' }),
  });
}

/** One of the given words. */
export function oneOf<
  const Words extends readonly string[],
  const A extends About & { default?: NoInfer<Words[number]> },
>(words: Words, about: A): Spec<Words[number], Settled<A, Words[number]>, IsRequired<A>> {
  return define(about, {
    ...withDefault(about),
    kind: 'oneOf',
    type: alternatives(words.map((word) => `\`'${word}'\``)),
    ...(about.default !== undefined && { defaultText: `\`'${about.default}'\`` }),
    read: (check, path, value) => check.oneOf(path, value, words, undefined) as Settled<A, Words[number]>,
    schema: () => ({ enum: words }),
  });
}

export interface StringAbout extends About {
  default?: string;
  pattern?: RegExp;
  /** The problem with a string that does not match. Starts with a verb. */
  message?: string;
}

/** A non-empty string. Problems do not repeat it, since it may be a secret. */
export function string<const A extends StringAbout>(
  about: A,
): Spec<string, Settled<A, string>, IsRequired<A>> {
  const { pattern, message = 'is not valid' } = about;
  return define(about, {
    ...withDefault(about),
    kind: 'string',
    type: 'text',
    read: (check, path, value) => {
      const text = check.string(path, value, undefined);
      if (text !== undefined && pattern !== undefined && !pattern.test(text)) check.problem(path, message);
      return text as Settled<A, string>;
    },
    schema: () => ({
      type: 'string',
      ...(pattern === undefined ? { minLength: 1 } : { pattern: pattern.source }),
    }),
  });
}

/** A URL as a string or a `URL`, parsed by `parse`. The message of an error that it throws becomes the problem. */
export function url<Value, const A extends About>(
  about: A & { parse: (value: string | URL) => Value },
): Spec<string | URL, Value | undefined, IsRequired<A>> {
  return define(about, {
    kind: 'url',
    type: 'URL',
    read: (check, path, value) =>
      check.parsed(path, value as string | URL | undefined, undefined, about.parse),
    schema: () => ({ type: 'string', format: 'uri' }),
  });
}

/** A function of the application. A configuration file cannot contain it. */
export function func<F extends (...args: never[]) => unknown>(about: About): Spec<F, F | undefined, false> {
  return define(about, {
    kind: 'function',
    type: 'function',
    read: (check, path, value) => check.func(path, value as F | undefined, undefined),
    schema: () => null,
  });
}

/** Any other option. `read` checks it. A null schema means that a configuration file cannot contain it. */
export function custom<Input, Value, const A extends About = About>(
  about: A & {
    type: string;
    /** The members of an object, if they have descriptions too. */
    members?: Members;
    read: (check: Checker, path: string, value: unknown) => Value;
    schema: JsonSchema | null;
  },
): Spec<Input, Value, IsRequired<A>> {
  const spec: Spec<Input, Value, IsRequired<A>> = define(about, {
    kind: 'custom',
    type: about.type,
    read: about.read,
    schema: () => about.schema,
  });
  return about.members === undefined ? spec : { ...spec, members: about.members };
}

/** Formats `a, b or c`. */
const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

export const withDefault = (about: { default?: unknown }): { default?: unknown } =>
  about.default === undefined ? {} : { default: about.default };

const limitsOf = ({ min, off = false }: QuantityAbout<unknown>): { min?: number; canBeOff: boolean } => ({
  ...(min !== undefined && { min }),
  canBeOff: off,
});

const offSchema = ({ off }: QuantityAbout<unknown>): JsonSchema[] => (off === true ? [{ const: OFF }] : []);

/** Returns null for `OFF`. With a default, `read` never returns undefined. */
const unlessOff =
  <A extends QuantityAbout<unknown>>(
    { off }: A,
    read: (check: Checker, path: string, value: unknown) => number | undefined,
  ) =>
  (check: Checker, path: string, value: unknown): Quantity<A> =>
    (off === true && value === OFF ? null : read(check, path, value)) as Quantity<A>;
