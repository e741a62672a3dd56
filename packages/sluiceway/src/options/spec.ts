import { Checker } from './checker.js';
import type { JsonSchema } from './json-schema.js';

/**
 * The description of one option. The functions of this folder (`duration`, `oneOf`, `group`, …) make it. Everything that
 * must agree about an option comes from here: its type, its check, its default, its place in the documents, the flag of
 * the program, and the JSON Schema of a configuration file.
 *
 * `Input` is what a user may write; `Value` is what the check makes of it.
 */
export interface Spec<out Input, out Value, Required extends boolean = boolean> {
  readonly kind: OptionKind;
  /** What the option does, and why it has its default: one or more sentences in Markdown. Empty for items of lists. */
  readonly doc: string;
  /** The type, in the words of the documents (Markdown). */
  readonly type: string;
  /** As a user would write it. Undefined: the option has none, or what it is depends on something else. */
  readonly default: unknown;
  /** The default, in the words of the documents (Markdown). */
  readonly defaultText: string;
  /** Whether leaving the option out is a problem. */
  readonly required: Required;
  /** Whether `OFF` turns it off. */
  readonly off: boolean;
  /** The members of a group. */
  readonly members?: Members;
  /** Of each item of a list, or of each entry of a record. */
  readonly item?: AnySpec;
  /** The descriptions of which one applies. */
  readonly choices?: readonly AnySpec[];
  /** Checks a value as the user gave it, where undefined stands for the default. Adds what is wrong to `check`. */
  read(check: Checker, path: string, value: unknown): Value;
  /** Null: no value of the option can be written in a file. */
  schema(): JsonSchema | null;
  /** Never there: it carries the type. */
  readonly input?: Input;
}

export type OptionKind =
  | 'boolean'
  | 'custom'
  | 'duration'
  | 'either'
  | 'function'
  | 'group'
  | 'integer'
  | 'list'
  | 'oneOf'
  | 'record'
  | 'size'
  | 'string'
  | 'url';

export type AnySpec = Spec<unknown, unknown>;

/** The options of a group, by name. */
export type Members = Readonly<Record<string, AnySpec>>;

/** The value that turns a timeout or limit off. The check makes null of it. 0 never means off: it is zero. */
export const OFF = false;

/** What a user may write for one option. */
export type InputOf<S extends AnySpec> = S extends Spec<infer Input, unknown> ? Input : never;

/** What the check makes of it. */
export type ValueOf<S extends AnySpec> = S extends Spec<unknown, infer Value> ? Value : never;

type RequiredKeys<M extends Members> = {
  [K in keyof M]: M[K]['required'] extends true ? K : never;
}[keyof M];

// Without an `as` clause, since editors find no comments of members that one renames.
type Optional<M extends Members> = { -readonly [K in keyof M]?: InputOf<M[K]> };
type Mandatory<M extends Members> = { -readonly [K in keyof M]: InputOf<M[K]> };

/** The type of an object of options. The comments of the members stay with it. */
export type OptionsOf<M extends Members> = [RequiredKeys<M>] extends [never]
  ? Optional<M>
  : Optional<Pick<M, Exclude<keyof M, RequiredKeys<M>>>> & Mandatory<Pick<M, RequiredKeys<M>>>;

/** The type of their checked values. */
export type SettingsOf<M extends Members> = { -readonly [K in keyof M]: ValueOf<M[K]> };

/** Checks an object of options. `path` is where it stands, `''` where it is the whole. */
export function resolve<const M extends Members>(
  members: M,
  options: unknown,
  check: Checker,
  path = '',
): SettingsOf<M> {
  const isValid = check.unknownKeys(path, options, Object.keys(members));
  // As it is, since it may be of a class whose prototype has some of the members.
  const given = (isValid ? (options ?? {}) : {}) as Readonly<Record<string, unknown>>;
  // Nothing inside something that is no object is missing.
  const inner = isValid ? check : new Checker(check.subject);
  const entries = Object.entries(members).map(([name, spec]) => [
    name,
    spec.read(inner, joinPath(path, name), given[name]),
  ]);
  // Each member's value has been made by its own description.
  return Object.fromEntries(entries) as SettingsOf<M>;
}

export const joinPath = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** Some of the members of a group, for another group that has them too. */
export function pick<M extends Members, const K extends keyof M & string>(
  members: M,
  names: readonly K[],
): Pick<M, K> {
  // The names are those of the type.
  return Object.fromEntries(names.map((name) => [name, members[name]])) as unknown as Pick<M, K>;
}

/** The description at a path such as `timeouts.connect`; undefined where there is none. */
export function findSpec(members: Members, path: string): AnySpec | undefined {
  const [name = '', ...rest] = path.split('.');
  const spec = Object.hasOwn(members, name) ? members[name] : undefined;
  if (spec === undefined || rest.length === 0) return spec;
  const inner = membersOf(spec);
  return inner === undefined ? undefined : findSpec(inner, rest.join('.'));
}

/** The options inside an option: of a group, or of the choice that is a group. */
export function membersOf(spec: AnySpec): Members | undefined {
  return spec.members ?? spec.choices?.find(({ members }) => members !== undefined)?.members;
}
