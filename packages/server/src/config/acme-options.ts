import { domainToASCII } from 'node:url';
import { custom, group, list, type OptionsOf, oneOf, type SettingsOf, string } from 'sluiceway/options';
import { optional } from './optional.js';

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

/** Labels of letters, digits and hyphens, at least two: no authority issues for a single one. */
const NAME = /^(?=.{1,253}$)(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z](?:[a-z\d-]{0,61}[a-z\d])?$/;

const domain = custom<string, string | undefined>({
  type: 'host names',
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) =>
    check.parsed(path, check.string(path, value, undefined), undefined, (given) => {
      if (given.startsWith('*.'))
        throw new TypeError('must not be a wildcard: authorities issue those by challenges over DNS only');
      const name = domainToASCII(given);
      if (!NAME.test(name)) throw new TypeError(`must be a host name, not ${JSON.stringify(given)}`);
      return name;
    }),
});

const externalAccountMembers = {
  keyId: string({ required: true, doc: 'The key identifier that the authority gave you.' }),
  key: string({
    required: true,
    pattern: /^[\w-]{16,}={0,2}$/,
    message: 'must be the MAC key that the authority gave you, in base64url',
    doc: 'The MAC key, in base64url. A secret.',
  }),
};

const acmeMembers = {
  domains: list(domain, {
    required: true,
    doc: 'The host names to obtain certificates for, one for each. No other name is ever asked for.',
  }),
  acceptTerms: custom<true, boolean>({
    required: true,
    type: '`true`',
    schema: { const: true },
    doc: 'That you agree to the terms of service of the authority. Its directory has their address.',
    read: (check, path, value) => {
      if (value !== true && value !== undefined)
        check.problem(
          path,
          'must be true: authorities issue only to those who agree to their terms of service',
        );
      return value === true;
    },
  }),
  storage: string({
    required: true,
    type: 'folder',
    doc: 'Where the account key, the certificates and their keys are kept. It is created if need be. Keep it: authorities limit how many certificates they issue for a name. Several servers can share it.',
  }),
  email: string({
    pattern: /^[^\s@?,]+@[^\s@?,]+$/,
    message: 'must be one email address',
    doc: 'Where the authority can reach you.',
  }),
  challenge: oneOf(['http-01', 'tls-alpn-01'], {
    default: 'http-01',
    doc: 'How the authority finds out that a domain leads here: `http-01` over HTTP at port 80, by any listener without TLS; `tls-alpn-01` over TLS at port 443 (RFC 8737), by the listeners with these options.',
  }),
  directory: string({
    default: LETS_ENCRYPT,
    type: 'URL',
    pattern: /^https:\/\/[^\s@#]+$/,
    message: 'must be an https: URL (RFC 8555 section 6.1)',
    doc: "The directory of the authority. For tests, Let's Encrypt has `https://acme-staging-v02.api.letsencrypt.org/directory`.",
  }),
  externalAccount: optional(
    group<ExternalAccountOptions, ExternalAccountValues>(externalAccountMembers, {}),
    'The account that an authority has given you outside of ACME, if it asks for one (RFC 8555 section 7.3.4).',
  ),
  ca: string({
    type: 'file',
    doc: "Authorities that sign the directory's own certificate, in PEM, for an authority inside your network. Default: Node's.",
  }),
};

export interface ExternalAccountOptions extends OptionsOf<typeof externalAccountMembers> {}
export interface ExternalAccountValues extends SettingsOf<typeof externalAccountMembers> {}
export interface AcmeOptions extends OptionsOf<typeof acmeMembers> {}
export interface AcmeValues extends SettingsOf<typeof acmeMembers> {}

export const acmeOption = optional(
  group<AcmeOptions, AcmeValues>(acmeMembers, {}),
  "Obtain certificates by ACME (RFC 8555), as from Let's Encrypt, and renew them.",
);
