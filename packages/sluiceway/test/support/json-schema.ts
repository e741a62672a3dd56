import type { JsonSchema } from '../../src/options/json-schema.js';

/** Validates a value against the keywords of `JsonSchema`. Returns a line for each problem, with its path. */
export function validate(schema: JsonSchema, value: unknown, path = ''): string[] {
  const at = path === '' ? 'the whole' : path;
  if (schema.anyOf !== undefined) {
    const fits = schema.anyOf.some((each) => validate(each, value, path).length === 0);
    return fits ? [] : [`${at} fits none of ${schema.anyOf.length} forms`];
  }
  if (schema.const !== undefined && schema.const !== value) return [`${at} is not ${schema.const}`];
  if (schema.enum !== undefined && !schema.enum.some((each) => each === value))
    return [`${at} is none of the words`];
  if (schema.const !== undefined && schema.const !== value) return [`${at} is not ${schema.const}`];
  if (schema.type !== undefined && !hasType(schema.type, value)) return [`${at} is no ${schema.type}`];
  if (typeof value === 'string') return validateString(schema, value, at);
  if (typeof value === 'number') {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    return value < minimum || value > maximum ? [`${at} is out of range`] : [];
  }
  if (Array.isArray(value)) {
    const { items, minItems = 0 } = schema;
    const found =
      items === undefined ? [] : value.flatMap((each, i) => validate(items, each, `${path}[${i}]`));
    return value.length < minItems ? [`${at} is too short`, ...found] : found;
  }
  if (typeof value === 'object' && value !== null) return validateObject(schema, value, path);
  return [];
}

function validateString({ pattern, minLength = 0 }: JsonSchema, value: string, at: string): string[] {
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return [`${at} does not match`];
  return value.length < minLength ? [`${at} is too short`] : [];
}

function validateObject(schema: JsonSchema, value: object, path: string): string[] {
  const { properties = {}, required = [], additionalProperties = true, minProperties = 0 } = schema;
  if (Object.keys(value).length < minProperties) return [`${path} is too small`];
  const place = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const missing = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => `${place(name)} is missing`);
  const found = Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
    const inner = properties[name] ?? additionalProperties;
    if (typeof inner !== 'boolean') return validate(inner, each, place(name));
    return inner ? [] : [`${place(name)} is not known`];
  });
  return [...missing, ...found];
}

function hasType(type: NonNullable<JsonSchema['type']>, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
