import type { JsonSchema } from './json-schema.js';
import type { AnySpec, Members } from './spec.js';

/**
 * Returns the JSON Schema of options for a configuration file. It omits functions and JavaScript objects. It states
 * only what JSON Schema can express: the check at start is stricter, for example about the limits of a duration.
 */
export function toJsonSchema(members: Members, title?: string): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(title !== undefined && { title }),
    ...groupSchema(members),
  };
}

/** The schema of an object with these options. */
export function groupSchema(members: Members): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const [name, spec] of Object.entries(members)) {
    const schema = describedSchema(spec);
    if (schema === null) continue;
    properties[name] = schema;
    if (spec.required) required.push(name);
  }
  return {
    type: 'object',
    properties,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function describedSchema(spec: AnySpec): JsonSchema | null {
  const schema = spec.schema();
  if (schema === null) return null;
  return {
    ...schema,
    ...(spec.doc !== '' && { description: withoutLinks(spec.doc) }),
    ...(spec.default !== undefined && { default: spec.default }),
  };
}

/** Replaces Markdown links by their text: the targets are relative to a page. */
const withoutLinks = (text: string): string => text.replaceAll(/\[([^[\]]{1,200})\]\([^()]{1,200}\)/g, '$1');
