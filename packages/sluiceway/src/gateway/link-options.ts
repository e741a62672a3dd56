import { type KeyOptions, type KeyRing, resolveKeys } from '../access/keys.js';
import { parsePathPrefix } from '../http/prefix.js';
import { parseBaseTarget } from '../http/target.js';
import type { JsonSchema } from '../options/json-schema.js';
import { custom, oneOf, url } from '../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../options/spec.js';

const oneString = (name: string): JsonSchema => ({
  type: 'object',
  properties: { [name]: { type: 'string', minLength: 1 } },
  required: [name],
  additionalProperties: false,
});

const key: JsonSchema = {
  type: 'object',
  properties: { id: { type: 'string' }, secret: { type: 'string' } },
  required: ['id', 'secret'],
  additionalProperties: false,
};

const keysSchema: JsonSchema = {
  anyOf: [{ type: 'array', items: key, minItems: 1 }, oneString('file'), oneString('env')],
};

/** The keys of a gateway, where they are optional, or of links. */
const keysOption = <const Required extends boolean>(required: Required, doc: string) =>
  custom<KeyOptions, KeyRing | null, { required: Required; doc: string }>({
    type: 'keys',
    required,
    doc,
    schema: keysSchema,
    read: (check, path, value) =>
      value === undefined ? null : resolveKeys(check, path, value as KeyOptions),
  });

/** Where links lead, and their form. */
export const linkPlaceOptions = {
  /**
   * The URL under which clients reach the gateway, such as `https://files.example.com`. Links begin with it,
   * and without it with their path. Default: none.
   */
  base: url({
    parse: parseBase,
    doc: 'The URL under which clients reach the gateway, such as `https://files.example.com`. Links begin with it, and without it with their path.',
  }),
  /**
   * The path that the gateway serves, as clients see it. Any other path gets 404. Under `stripPrefix`,
   * include the prefix, because links need it. Default: `/download`.
   */
  path: custom<string, string>({
    type: 'path',
    defaultText: '`/download`',
    schema: { type: 'string', pattern: '^/' },
    doc: 'The path that the gateway serves, as clients see it. Any other path gets 404. Under [`stripPrefix`](embedding.md#under-a-path-prefix), include the prefix, because links need it.',
    read: (check, path, value) =>
      check.parsed(path, value as string | undefined, '/download', parsePathPrefix),
  }),
  /**
   * Form of the links that `sign` makes. The gateway serves both forms. `encrypted` hides what a link leads
   * to. `signed` leaves it readable but unchangeable: for debugging, and for signing in other languages.
   * Default: `'encrypted'`.
   */
  form: oneOf(['encrypted', 'signed'], {
    default: 'encrypted',
    doc: 'Form of the links that `sign` makes. The gateway serves both forms. `encrypted` hides what a link leads to. `signed` leaves it readable but unchangeable: for debugging, and for signing in other languages.',
  }),
};

export const linkOptions = {
  keys: keysOption(
    true,
    'Keys that sign links: a list of `{ id, secret }`, `{ file }` or `{ env }`. The first one signs, and links of all of them are valid.',
  ),
  ...linkPlaceOptions,
};

export interface LinkOptions extends OptionsOf<typeof linkOptions> {}
export interface LinkValues extends SettingsOf<typeof linkOptions> {}

export const gatewayKeysOption = keysOption(
  false,
  'Keys that sign links: a list of `{ id, secret }`, `{ file }` or `{ env }`. The first one signs, and links of all of them are valid. To rotate, put a new key first. Required, unless `unsigned` is true.',
);

function parseBase(base: string | URL): string {
  const { protocol, host, path, query } = parseBaseTarget(base);
  if (path.length > 1 || query !== '')
    throw new TypeError('must be http:// or https:// and a host; set the path with path');
  return `${protocol}//${host}`;
}
