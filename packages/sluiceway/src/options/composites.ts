import type { JsonSchema } from './json-schema.js';
import { type About, define, type IsRequired, type Settled, withDefault } from './kinds.js';
import {
  type AnySpec,
  type InputOf,
  joinPath,
  type Members,
  membersOf,
  resolve,
  type Spec,
  type ValueOf,
} from './spec.js';
import { groupSchema } from './to-json-schema.js';

/** Descriptions of the members of an options object, and of their checked values. */
type MembersFor<Options, Values> = {
  readonly [K in keyof Options | keyof Values]-?: Spec<
    K extends keyof Options ? Exclude<Options[K], undefined> : never,
    K extends keyof Values ? Values[K] : never
  >;
};

/**
 * Several options under one name. Undefined gives the defaults of all of them. The types, which `OptionsOf` and
 * `SettingsOf` derive from the members, have names so that editors and declarations show the names.
 */
export function group<Options extends object, Values extends object>(
  members: MembersFor<Options, Values>,
  about: About,
): Spec<Options, Values, false> {
  // The type lists the same names above.
  const described = members as unknown as Members;
  const spec: Spec<Options, Values, false> = define(about, {
    kind: 'group',
    type: 'object',
    defaultText: '',
    read: (check, path, value) => resolve(described, value, check, path) as Values,
    schema: () => groupSchema(described),
  });
  return { ...spec, members: described };
}

/** A list of items, each with the path `path[index]`. Items with a problem are omitted. */
export function list<S extends AnySpec, const A extends About & { default?: readonly NoInfer<InputOf<S>>[] }>(
  item: S,
  about: A,
): Spec<readonly InputOf<S>[], Settled<A, Exclude<ValueOf<S>, undefined>[]>, IsRequired<A>> {
  type Items = Exclude<ValueOf<S>, undefined>[];
  const spec: Spec<readonly InputOf<S>[], Settled<A, Items>, IsRequired<A>> = define(about, {
    ...withDefault(about),
    kind: 'list',
    type: `list of ${item.type}`,
    read: (check, path, value) => {
      const items =
        value === undefined
          ? undefined
          : check
              .list(path, value, (at, each) => item.read(check, at, each))
              .filter((each) => each !== undefined);
      // Each item is the result of its description.
      return items as unknown as Settled<A, Items>;
    },
    schema: () => {
      const items = item.schema();
      return items === null ? null : { type: 'array', items };
    },
  });
  return { ...spec, item };
}

/** An object with arbitrary keys. Entries with a problem are omitted. */
export function record<S extends AnySpec, const A extends About>(
  item: S,
  about: A,
): Spec<
  Readonly<Record<string, InputOf<S>>>,
  ReadonlyMap<string, Exclude<ValueOf<S>, undefined>> | undefined,
  IsRequired<A>
> {
  type Item = Exclude<ValueOf<S>, undefined>;
  const spec: Spec<
    Readonly<Record<string, InputOf<S>>>,
    ReadonlyMap<string, Item> | undefined,
    IsRequired<A>
  > = define(about, {
    kind: 'record',
    type: 'object',
    read: (check, path, value) => {
      if (value === undefined) return undefined;
      const entries = check.record(path, value, (at, key, each): [string, unknown] => [
        key,
        item.read(check, at, each),
      ]);
      return new Map(entries.filter((entry): entry is [string, Item] => entry[1] !== undefined));
    },
    schema: () => {
      const items = item.schema();
      return items === null ? null : { type: 'object', additionalProperties: items };
    },
  });
  return { ...spec, item };
}

/** One of two forms. `takesSecond` decides from a value, which may be undefined, which description checks it. */
export function either<First extends AnySpec, Second extends AnySpec, const A extends About>(
  first: First,
  second: Second,
  about: A & { default?: unknown; takesSecond: (value: unknown) => boolean },
): Spec<InputOf<First> | InputOf<Second>, ValueOf<First> | ValueOf<Second>, IsRequired<A>> {
  const choices = [first, second] as const;
  const spec: Spec<
    InputOf<First> | InputOf<Second>,
    ValueOf<First> | ValueOf<Second>,
    IsRequired<A>
  > = define(about, {
    kind: 'either',
    type: `${first.type} or ${second.type}`,
    default: about.default,
    read: (check, path, value) =>
      choices[about.takesSecond(value) ? 1 : 0].read(check, path, value) as ValueOf<First> | ValueOf<Second>,
    schema: () => {
      const schemas = choices
        .map((choice) => choice.schema())
        .filter((each): each is JsonSchema => each !== null);
      return schemas.length > 1 ? { anyOf: schemas } : (schemas[0] ?? null);
    },
  });
  return { ...spec, choices };
}

export interface Place {
  path: string;
  spec: AnySpec;
}

/** Lists every option with its path, groups before their members. */
export function listOptions(members: Members, path = ''): Place[] {
  return Object.entries(members).flatMap(([name, spec]): Place[] => {
    const at = joinPath(path, name);
    const inner = membersOf(spec);
    return [{ path: at, spec }, ...(inner === undefined ? [] : listOptions(inner, at))];
  });
}
