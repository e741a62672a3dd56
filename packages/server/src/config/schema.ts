import { type JsonSchema, toJsonSchema } from 'sluiceway/options';
import { accessSchema } from '../access/access-option.js';
import { configMembers } from './options.js';

/** A whole value that a variable or a file stands for: text, whatever the option takes. */
const SUBSTITUTION: JsonSchema = { type: 'string', pattern: String.raw`^\$\{(env|file):[^{}]+\}$` };

/** The JSON Schema of a configuration file, for editors. The check of the program knows more. */
export function configSchema(): JsonSchema {
  const { $schema, ...schema } = toJsonSchema(configMembers, 'Configuration of sluiceway serve');
  return {
    ...($schema !== undefined && { $schema }),
    ...withSubstitutions(schema),
    $defs: { access: withSubstitutions(accessSchema), substitution: SUBSTITUTION },
  };
}

const REFERENCE: JsonSchema = { $ref: '#/$defs/substitution' };

/** Every value that is no free text may be a reference in its place. */
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

/** Whether a schema is of one value, and of another than any text. */
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
