import { type AccessPolicy, allOf, anyOf, OptionsError } from 'sluiceway';
import {
  type AnySpec,
  type Checker,
  custom,
  groupSchema,
  type JsonSchema,
  type Members,
} from 'sluiceway/options';
import { accessKinds, type FileOf } from './access-kinds.js';

/** A rule in a configuration: kinds by name, all of which must grant access, and `all` and `any`. */
export type AccessRule = Readonly<Record<string, unknown>>;

const EVERYONE = 'everyone';

/** Rules can be nested, so the schema refers to itself. */
const REFERENCE: JsonSchema = { $ref: '#/$defs/access' };

const rulesOption = (doc: string): AnySpec =>
  custom<readonly AccessRule[], readonly AccessRule[] | undefined>({
    type: 'list of rules',
    doc,
    schema: { type: 'array', items: REFERENCE, minItems: 1 },
    read: (_check, _path, value) => value as readonly AccessRule[] | undefined,
  });

const accessMembers: Members = {
  ...Object.fromEntries(Object.entries(accessKinds).map(([name, { spec }]) => [name, spec])),
  all: rulesOption('Rules that must all give access.'),
  any: rulesOption('Rules of which one must give access. They are asked in this order.'),
};

/** For `$defs` of the schema. */
export const accessSchema: JsonSchema = { ...groupSchema(accessMembers), minProperties: 1 };

/** The `access` option. Its parts are checked when the policy is created. */
export const accessOption = (doc: string) =>
  custom<AccessRule | typeof EVERYONE, AccessRule | typeof EVERYONE | undefined>({
    type: `object or \`${EVERYONE}\``,
    doc,
    members: accessMembers,
    schema: { anyOf: [REFERENCE, { enum: [EVERYONE] }] },
    read: (_check, _path, value) => value as AccessRule | typeof EVERYONE | undefined,
  });

/**
 * Creates the policy of a rule; undefined if everyone has access. Adds problems to `check`. `fileOf` makes paths of files
 * absolute.
 */
export function createPolicy(
  check: Checker,
  path: string,
  rule: unknown,
  fileOf: FileOf,
): AccessPolicy | undefined {
  if (rule === undefined || rule === EVERYONE) return undefined;
  if (typeof rule === 'string') {
    check.problem(path, `must be an object of rules, or '${EVERYONE}'`);
    return undefined;
  }
  if (!check.unknownKeys(path, rule, Object.keys(accessMembers))) return undefined;
  const entries = Object.entries(rule as AccessRule);
  // An empty rule would grant access to everyone.
  if (entries.length === 0) check.problem(path, `must have a rule; '${EVERYONE}' says that there is none`);
  const policies = entries
    .map(([name, value]) => createPart(check, `${path}.${name}`, name, value, fileOf))
    .filter((policy) => policy !== undefined);
  return policies.length > 1 ? allOf(...policies) : policies[0];
}

function createPart(
  check: Checker,
  path: string,
  name: string,
  value: unknown,
  fileOf: FileOf,
): AccessPolicy | undefined {
  if (name === 'all' || name === 'any') {
    const policies = check
      .list(path, value, (at, rule) => {
        if (rule === EVERYONE) check.problem(at, 'must be an object of rules');
        return createPolicy(check, at, rule ?? null, fileOf);
      })
      .filter((policy) => policy !== undefined);
    if (Array.isArray(value) && value.length === 0) check.problem(path, 'must have at least one rule');
    if (policies.length === 0) return undefined;
    return name === 'all' ? allOf(...policies) : anyOf(...policies);
  }
  const kind = Object.hasOwn(accessKinds, name) ? accessKinds[name] : undefined;
  if (kind === undefined) return undefined;
  const known = Object.keys(kind.spec.members ?? {});
  if (!check.isObject(path, value) || !hasOnly(check, path, value, known)) return undefined;
  try {
    return kind.create(value as AccessRule, fileOf);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    for (const problem of error.problems) {
      const inner = problem.path.replace(/^cidrs/, 'allow');
      check.problem(inner === '' ? path : `${path}.${inner}`, problem.message);
    }
    return undefined;
  }
}

/** Returns the paths of all rules of a kind, nested ones included. */
export function findRules(rule: unknown, kind: string, path: string): string[] {
  if (typeof rule !== 'object' || rule === null) return [];
  return Object.entries(rule).flatMap(([name, value]: [string, unknown]) => {
    if (name === kind) return [`${path}.${name}`];
    if ((name !== 'all' && name !== 'any') || !Array.isArray(value)) return [];
    return value.flatMap((each, i) => findRules(each, kind, `${path}.${name}[${i}]`));
  });
}

/** Reports unknown keys, which the library would ignore or report at the wrong path. */
function hasOnly(check: Checker, path: string, value: object, known: readonly string[]): boolean {
  check.unknownKeys(path, value, known);
  return Object.keys(value).every((key) => known.includes(key));
}
