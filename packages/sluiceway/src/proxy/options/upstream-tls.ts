import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { DialTlsOptions } from '../../net/dial-tls.js';
import type { Checker } from '../../options/checker.js';
import type { JsonSchema } from '../../options/json-schema.js';
import { type About, custom, string } from '../../options/kinds.js';
import { type OptionsOf, resolve } from '../../options/spec.js';
import { groupSchema } from '../../options/to-json-schema.js';

type Pem = string | Buffer;
type Authorities = NonNullable<SecureContextOptions['ca']>;

const pemSchema: JsonSchema = { type: 'string', pattern: '-----BEGIN ' };

/** A PEM option that `parse` reads. */
const pemOption = <Input extends Authorities>(
  parse: (value: Input) => unknown,
  about: About & { schema?: JsonSchema },
) =>
  custom<Input, Input | undefined>({
    type: 'PEM',
    schema: pemSchema,
    ...about,
    read: (check, path, value) =>
      check.parsed(path, value as Input | undefined, undefined, (given) => {
        parse(given);
        return given;
      }),
  });

const tlsMembers = {
  /**
   * Certificates to trust in place of those that Node.js trusts, for a private authority. Verification itself
   * cannot be turned off. Default: Node's.
   */
  ca: pemOption<Authorities>(readAuthorities, {
    defaultText: "Node's",
    schema: { anyOf: [pemSchema, { type: 'array', items: pemSchema, minItems: 1 }] },
    doc: 'Certificates to trust in place of those that Node.js trusts, for a private authority. Verification itself cannot be turned off.',
  }),
  /** Client certificate, for origin servers that ask for one. Default: none. */
  cert: pemOption<Pem>(readCertificate, { doc: 'Client certificate, for origin servers that ask for one.' }),
  /** The private key of the client certificate. Default: none. */
  key: pemOption<Pem>(readKey, { doc: 'The private key of the client certificate.' }),
  /** The name to ask for and to verify, if it is not the host of the URL. Default: the URL's. */
  servername: string({
    type: 'name',
    defaultText: "the URL's",
    doc: 'The name to ask for and to verify, if it is not the host of the URL.',
  }),
};

/** Verification of the origin server's certificate cannot be turned off. To use a private CA, trust it with `ca`. */
export interface UpstreamTlsOptions extends OptionsOf<typeof tlsMembers> {}

export const tlsOption = custom<UpstreamTlsOptions, DialTlsOptions | undefined>({
  type: 'object',
  defaultText: "Node's",
  members: tlsMembers,
  doc: 'How to reach `https:` URLs: `ca`, `cert`, `key`, `servername`.',
  schema: groupSchema(tlsMembers),
  read: (check, path, value) => resolveTls(check, path, value),
});

/**
 * Reads certificates and key once for all connections: parsing a CA bundle for each connection would take longer than
 * the handshake. Messages contain no option values.
 */
export function resolveTls(check: Checker, path: string, options: unknown): DialTlsOptions | undefined {
  if (options === undefined) return undefined;
  const { ca, cert, key, servername } = resolve(tlsMembers, options, check, path);
  const given: Partial<UpstreamTlsOptions> | null = options;
  if ((given?.cert === undefined) !== (given?.key === undefined))
    check.problem(path, 'must have both cert and key, or neither');
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  const secureContext = check.parsed(path, { ...pair, ...(ca && { ca }) }, undefined, (parts) => {
    try {
      return createSecureContext(parts);
    } catch {
      throw new TypeError('must have a key that belongs to the certificate');
    }
  });
  return { ...(secureContext && { secureContext }), ...(servername !== undefined && { servername }) };
}

/** Node silently ignores invalid certificates, and would then trust none. */
function readAuthorities(ca: Authorities): Pem[] {
  const authorities = Array.isArray(ca) ? ca : [ca];
  for (const authority of authorities) readCertificate(authority);
  return authorities;
}

function readCertificate(pem: Pem): Pem {
  try {
    void new X509Certificate(pem);
    return pem;
  } catch {
    throw new TypeError('must be certificates in PEM, as a string or Buffer');
  }
}

function readKey(pem: Pem): Pem {
  try {
    createSecureContext({ key: pem });
    return pem;
  } catch {
    throw new TypeError('must be a private key in PEM without a passphrase, as a string or Buffer');
  }
}
