import { Checker } from './checker.js';
import type { JsonSchema } from './json-schema.js';

/**
 * The description of one option, created by the functions of this folder (`duration`, `oneOf`, `group`, …). It is the
 * only source for the option's type, check, default, documentation, command-line flag and JSON Schema.
 *
 * `Input` is what a user may write; `Value` is the result of the check.
 */
export interface Spec<out Input, out Value, Required extends boolean = boolean> {
  readonly kind: OptionKind;
  /** What the option does, and the reason for its default: sentences in Markdown. Empty for items of lists. */
  readonly doc: string;
  /** The type as the documentation names it (Markdown). */
  readonly type: string;
  /** As a user would write it. Undefined if there is no default, or if it depends on other options. */
  readonly default: unknown;
  /** The default as the documentation names it (Markdown). */
  readonly defaultText: string;
  /** Whether it is a problem if the option is missing. */
  readonly required: Required;
  /** Whether `OFF` turns it off. */
  readonly off: boolean;
  /** The members of a group. */
  readonly members?: Members;
  /** The description of each item of a list, or of each entry of a record. */
  readonly item?: AnySpec;
  /** The alternatives. One of them applies. */
  readonly choices?: readonly AnySpec[];
  /** Checks a value that the user gave. Undefined stands for the default. Adds problems to `check`. */
  read(check: Checker, path: string, value: unknown): Value;
  /** Null if a configuration file cannot contain any value of the option. */
  schema(): JsonSchema | null;
  /** Always absent: it carries the type. */
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

/** The value that turns a timeout or limit off. The check converts it to null. 0 never means off: it is zero. */
export const OFF = false;

/** What a user may write for one option. */
export type InputOf<S extends AnySpec> = S extends Spec<infer Input, unknown> ? Input : never;

/** The result of the check. */
export type ValueOf<S extends AnySpec> = S extends Spec<unknown, infer Value> ? Value : never;

type RequiredKeys<M extends Members> = {
  [K in keyof M]: M[K]['required'] extends true ? K : never;
}[keyof M];

// No `as` clause: editors lose the comments of renamed members.
type Optional<M extends Members> = { -readonly [K in keyof M]?: InputOf<M[K]> };
type Mandatory<M extends Members> = { -readonly [K in keyof M]: InputOf<M[K]> };

/** The type of an options object. The comments of the members are kept. */
export type OptionsOf<M extends Members> = [RequiredKeys<M>] extends [never]
  ? Optional<M>
  : Optional<Pick<M, Exclude<keyof M, RequiredKeys<M>>>> & Mandatory<Pick<M, RequiredKeys<M>>>;

/** The type of the checked values. */
export type SettingsOf<M extends Members> = { -readonly [K in keyof M]: ValueOf<M[K]> };

/** Checks an options object. `path` is its own path, `''` for the whole. */
export function resolve<const M extends Members>(
  members: M,
  options: unknown,
  check: Checker,
  path = '',
): SettingsOf<M> {
  const isValid = check.unknownKeys(path, options, Object.keys(members));
  // Not copied: it can be an instance of a class whose prototype has some of the members.
  const given = (isValid ? (options ?? {}) : {}) as Readonly<Record<string, unknown>>;
  // If the value is not an object, missing members are not reported.
  const inner = isValid ? check : new Checker(check.subject);
  const entries = Object.entries(members).map(([name, spec]) => [
    name,
    spec.read(inner, joinPath(path, name), given[name]),
  ]);
  // Each member's value is the result of its own description.
  return Object.fromEntries(entries) as SettingsOf<M>;
}

export const joinPath = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** Selects members of a group, for another group that also has them. */
export function pick<M extends Members, const K extends keyof M & string>(
  members: M,
  names: readonly K[],
): Pick<M, K> {
  // The type has the same names.
  return Object.fromEntries(names.map((name) => [name, members[name]])) as unknown as Pick<M, K>;
}

/** Returns the description at a path such as `timeouts.connect`. Undefined if there is none. */
export function findSpec(members: Members, path: string): AnySpec | undefined {
  const [name = '', ...rest] = path.split('.');
  const spec = Object.hasOwn(members, name) ? members[name] : undefined;
  if (spec === undefined || rest.length === 0) return spec;
  const inner = membersOf(spec);
  return inner === undefined ? undefined : findSpec(inner, rest.join('.'));
}

/** Returns the options inside an option: those of a group, or of the alternative that is a group. */
export function membersOf(spec: AnySpec): Members | undefined {
  return spec.members ?? spec.choices?.find(({ members }) => members !== undefined)?.members;
}
