/** A schema of JSON Schema 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

interface AnswerDescription {
  description: string;
  /** Default: `application/json`. */
  type?: string;
  schema: Schema;
}

/** What the description of the API says of an endpoint. */
export interface EndpointDescription {
  summary: string;
  /** Parameters of the query. All are optional. */
  query?: Readonly<Record<string, { description: string; schema: Schema }>>;
  /** The JSON object that a POST takes. */
  content?: Schema;
  /** By status. Errors are added. */
  answers: Readonly<Record<number, AnswerDescription>>;
  /** Errors that the endpoint has besides those of all, by status. */
  errors?: Readonly<Record<number, string>>;
}

export const string: Schema = { type: 'string' };
export const boolean: Schema = { type: 'boolean' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const time: Schema = { type: 'string', format: 'date-time' };

export const nullable = (schema: Schema): Schema =>
  typeof schema['type'] === 'string'
    ? { ...schema, type: [schema['type'], 'null'] }
    : { anyOf: [schema, { type: 'null' }] };

export const oneOf = (values: readonly string[]): Schema => ({ type: 'string', enum: values });

export const list = (items: Schema): Schema => ({ type: 'array', items });

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** An object with exactly these members. Those in `optional` may be absent. */
export const object = (
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});
