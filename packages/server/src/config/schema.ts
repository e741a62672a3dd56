import { type JsonSchema, toJsonSchema } from 'sluiceway/options';
import { accessSchema } from '../access/access-option.js';
import { configMembers } from './options.js';

/** A value that is a reference to a variable or a file. It is a string for every type of option. */
const SUBSTITUTION: JsonSchema = { type: 'string', pattern: String.raw`^\$\{(env|file):[^{}]+\}$` };

/** The JSON Schema of a configuration file, for editors. The program checks more. */
export function configSchema(): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(configMembers, 'Configuration of sluiceway serve');
  return {
    ...($schema !== undefined && { $schema }),
    ...withSubstitutions(schema),
    $defs: { access: withSubstitutions(accessSchema), substitution: SUBSTITUTION },
  };
}

const REFERENCE: JsonSchema = { $ref: '#/$defs/substitution' };

/** Allows a reference in place of every value that is not free text. */
function withSubstitutions(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf, ...rest } = schema;
  const inner: JsonSchema = {
    ...rest,
    ...(properties !== undefined && { properties: mapValues(properties) }),
    ...(items !== undefined && { items: withSubstitutions(items) }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'boolean'
          ? additionalProperties
          : withSubstitutions(additionalProperties),
    }),
  };
  if (anyOf !== undefined) {
    const forms = anyOf.map((form) => (isScalar(form) ? form : withSubstitutions(form)));
    return { ...inner, anyOf: anyOf.some(isScalar) ? [...forms, REFERENCE] : forms };
  }
  if (!isScalar(schema)) return inner;
  const { description, default: fallback, ...form } = schema;
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [form, REFERENCE],
  };
}

const mapValues = (schemas: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, withSubstitutions(schema)]));

/** Whether a schema is of a single value that is not free text. */
function isScalar({ type, const: constant, enum: words, pattern, format }: JsonSchema): boolean {
  if (type === 'string') return pattern !== undefined || format !== undefined;
  return (
    constant !== undefined ||
    words !== undefined ||
    type === 'boolean' ||
    type === 'integer' ||
    type === 'number'
  );
}
