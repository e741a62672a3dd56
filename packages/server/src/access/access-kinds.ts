import {
  type AccessPolicy,
  type BasicUsers,
  type BearerTokens,
  basic,
  bearer,
  type ClientCertificateRules,
  type CredentialOptions,
  clientAddresses,
  clientCertificate,
  type ForwardAuthOptions,
  forwardAuth,
  type KeyOptions,
  type OptionProblem,
  OptionsError,
  signed,
} from 'sluiceway';
import { type JwtKeys, type JwtOptions, jwt } from 'sluiceway/jwt';
import {
  type AnySpec,
  boolean,
  clientCertificateOptions,
  custom,
  forwardAuthOptions,
  group,
  type JsonSchema,
  jwtOptions,
  type OptionsOf,
  type SettingsOf,
  string,
} from 'sluiceway/options';
import { exceptAddresses } from './except-addresses.js';

/** A kind of access rule. To add one, add it to `accessKinds`. */
interface AccessKind {
  /** Its members are documented and part of the JSON Schema. `create` checks their values. */
  spec: AnySpec;
  /**
   * Creates the policy for a value with only known keys. `fileOf` makes the path of a file absolute. Throws an
   * `OptionsError` with paths relative to the kind.
   */
  create(value: Readonly<Record<string, unknown>>, fileOf: FileOf): AccessPolicy;
}

export type FileOf = (path: string) => string;

const fileSchema: JsonSchema = {
  type: 'object',
  properties: { file: { type: 'string', minLength: 1 } },
  required: ['file'],
  additionalProperties: false,
};
const names: JsonSchema = { type: 'object', additionalProperties: { type: 'string' } };
const texts: JsonSchema = { type: 'array', items: { type: 'string' } };

/** An option that the library checks when the policy is created. */
const checkedLater = (type: string, schema: JsonSchema, doc: string, required = true) =>
  custom<unknown, unknown>({ type, schema, doc, required, read: (_check, _path, value) => value });

const credentialMembers = {
  realm: string({
    default: 'restricted',
    doc: 'Named in the challenge; browsers may show it. Printable ASCII.',
  }),
  keepCredentials: boolean({
    default: false,
    doc: 'Whether the origin server gets the `Authorization` that has given access. By default it is removed, because the secret was meant for this server.',
  }),
};

const bearerMembers = {
  tokens: checkedLater(
    'object or list',
    { anyOf: [fileSchema, names, texts] },
    '`{ file: tokens.txt }`, with one token per line, as `token` or `name:token`; or tokens by name; or a list of tokens. A token has at least 16 characters.',
  ),
  ...credentialMembers,
};

const basicMembers = {
  users: checkedLater(
    'object',
    { anyOf: [fileSchema, names] },
    '`{ file: .htpasswd }`, as `htpasswd -B` writes it; or hashes of passwords (bcrypt, scrypt) by user name.',
  ),
  ...credentialMembers,
};

const signedMembers = {
  keys: checkedLater(
    'object or list',
    { anyOf: [{ type: 'object' }, { type: 'array', items: { type: 'object' } }] },
    '`{ file: keys.json }`, as `sluiceway keys new` writes it, `{ env: NAME }`, or a list of `{ id, secret }`.',
  ),
};

const addressMembers = {
  allow: checkedLater(
    'list of CIDR ranges',
    texts,
    'Addresses and CIDR ranges of clients that have access. All, if only `deny` is given.',
    false,
  ),
  deny: checkedLater(
    'list of CIDR ranges',
    texts,
    'Addresses and CIDR ranges of clients that have none, even if `allow` has them.',
    false,
  ),
};

interface ClientCertificateRuleValues extends SettingsOf<typeof clientCertificateOptions> {}
interface ForwardAuthValues extends SettingsOf<typeof forwardAuthOptions> {}
interface JwtValues extends SettingsOf<typeof jwtOptions> {}
interface BearerOptions extends OptionsOf<typeof bearerMembers> {}
interface BearerValues extends SettingsOf<typeof bearerMembers> {}
interface BasicOptions extends OptionsOf<typeof basicMembers> {}
interface BasicValues extends SettingsOf<typeof basicMembers> {}
interface SignedOptions extends OptionsOf<typeof signedMembers> {}
interface SignedValues extends SettingsOf<typeof signedMembers> {}
interface AddressOptions extends OptionsOf<typeof addressMembers> {}
interface AddressValues extends SettingsOf<typeof addressMembers> {}

/** The kinds, by their name in a configuration. */
export const accessKinds: Readonly<Record<string, AccessKind>> = {
  bearer: {
    spec: group<BearerOptions, BearerValues>(bearerMembers, {
      doc: 'Requests with one of these tokens in `Authorization: Bearer …`.',
    }),
    create: ({ tokens, ...options }, fileOf) => createBearer(tokens, options, fileOf),
  },
  basic: {
    spec: group<BasicOptions, BasicValues>(basicMembers, {
      doc: 'Users with their passwords, in `Authorization: Basic …`.',
    }),
    create: ({ users, ...options }, fileOf) => basic(absoluteFile(users, fileOf) as BasicUsers, options),
  },
  signed: {
    spec: group<SignedOptions, SignedValues>(signedMembers, {
      doc: 'Requests whose URL is signed by one of these keys: see [signed URLs](access.md#signed-urls).',
    }),
    create: ({ keys }, fileOf) => signed({ keys: absoluteFile(keys, fileOf) as KeyOptions }),
  },
  jwt: {
    spec: group<JwtOptions, JwtValues>(jwtOptions, {
      doc: 'Requests with a [JSON Web Token](access.md#json-web-tokens) of an issuer, in `Authorization: Bearer …`.',
    }),
    create: ({ jwks, ...options }, fileOf) =>
      jwt({
        ...(options as Partial<JwtOptions>),
        ...(jwks !== undefined && { jwks: absoluteFile(jwks, fileOf) as JwtKeys }),
      } as JwtOptions),
  },
  clientCertificate: {
    spec: group<ClientCertificateRules, ClientCertificateRuleValues>(clientCertificateOptions, {
      doc: 'Clients by the [certificate](access.md#client-certificates) of their connection. A listener must ask for certificates. `{}` is every certificate that the listener accepts.',
    }),
    create: (rules) => clientCertificate(rules),
  },
  forwardAuth: {
    spec: group<ForwardAuthOptions, ForwardAuthValues>(forwardAuthOptions, {
      doc: 'Requests that [another service](access.md#forward-authentication) allows.',
    }),
    create: (options) => forwardAuth(options as unknown as ForwardAuthOptions),
  },
  addresses: {
    spec: group<AddressOptions, AddressValues>(addressMembers, {
      doc: 'Clients by their address: that of the connection, or the one that a trusted proxy gives.',
    }),
    create: ({ allow, deny }) => {
      const allowed =
        deny === undefined || allow !== undefined ? clientAddresses(allow as readonly string[]) : null;
      return deny === undefined && allowed !== null
        ? allowed
        : exceptAddresses(deny as readonly string[], allowed);
    },
  },
};

/**
 * A configuration maps names to tokens, since a key cannot be a reference to a variable. The library maps tokens to
 * names.
 */
function createBearer(tokens: unknown, options: CredentialOptions, fileOf: FileOf): AccessPolicy {
  const given = absoluteFile(tokens, fileOf);
  if (typeof given !== 'object' || given === null || Array.isArray(given) || 'file' in given)
    return bearer(given as BearerTokens, options);
  const entries = Object.entries(given as Readonly<Record<string, unknown>>);
  const problems = entries.flatMap(([name, token], i): OptionProblem[] => {
    const path = `tokens.${name}`;
    if (typeof token !== 'string') return [{ path, message: 'must be a string' }];
    const isTwice = entries.findIndex(([, other]) => other === token) < i;
    return isTwice ? [{ path, message: 'is the token of another name, too' }] : [];
  });
  if (problems.length > 0) throw new OptionsError('bearer', problems);
  try {
    const byToken = entries.map(([name, token]): [string, string] => [String(token), name]);
    return bearer(Object.fromEntries(byToken), options);
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const named = error.problems.map(({ path, message }) => {
      const index = /^tokens\[(\d+)\]$/.exec(path)?.[1];
      const name = index === undefined ? undefined : entries[Number(index)]?.[0];
      return { path: name === undefined ? path : `tokens.${name}`, message };
    });
    throw new OptionsError('bearer', named);
  }
}

/** Makes the path in `{ file }` absolute. Returns any other value unchanged. */
export function absoluteFile(value: unknown, fileOf: FileOf): unknown {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'file') return value;
  const { file } = value as { file: unknown };
  return typeof file === 'string' ? { file: fileOf(file) } : value;
}

/** All files that an access rule names. */
export function filesOf(value: unknown, fileOf: FileOf): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    name === 'file' && typeof each === 'string' ? [fileOf(each)] : filesOf(each, fileOf),
  );
}
