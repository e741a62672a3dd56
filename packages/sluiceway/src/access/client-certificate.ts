import type { ClientCertificate } from '../net/client-certificate.js';
import { Checker } from '../options/checker.js';
import { list } from '../options/composites.js';
import { custom, oneOf } from '../options/kinds.js';
import { type OptionsOf, resolve } from '../options/spec.js';
import type { AccessPolicy, AccessRefusal } from './policy.js';

const text = (type: string, pattern: RegExp, message: string, normalize: (value: string) => string) =>
  custom<string, string | undefined>({
    type,
    schema: { type: 'string', minLength: 1 },
    read: (check, path, value) => {
      if (typeof value === 'string' && pattern.test(value)) return normalize(value);
      check.problem(path, message);
      return undefined;
    },
  });

const asIs = (value: string): string => value;
const toLower = (value: string): string => value.toLowerCase();

export const clientCertificateOptions = {
  /**
   * Distinguished names, as RFC 4514 writes them, most specific part first: `CN=backup,O=Example`. They are
   * compared exactly. Default: none.
   */
  subjects: list(
    text(
      'distinguished names',
      /^[A-Za-z0-9.]+=/,
      'must be a distinguished name such as CN=backup,O=Example',
      asIs,
    ),
    {
      doc: 'Distinguished names, as RFC 4514 writes them, most specific part first: `CN=backup,O=Example`. They are compared exactly.',
    },
  ),
  /** Subject alternative names of the type DNS, in any case, without wildcards. Default: none. */
  dnsNames: list(
    text('names', /^[^\s*/:]+$/, 'must be a name without wildcards, such as client.example.com', toLower),
    { doc: 'Subject alternative names of the type DNS, in any case, without wildcards.' },
  ),
  /** Subject alternative names of the type URI, such as SPIFFE ids, compared exactly. Default: none. */
  uris: list(
    text('URIs', /^[A-Za-z][\w+.-]*:\S+$/, 'must be a URI such as spiffe://example.org/backup', asIs),
    {
      doc: 'Subject alternative names of the type URI, such as SPIFFE ids, compared exactly.',
    },
  ),
  /** Subject alternative names of the type e-mail, compared exactly. Default: none. */
  emails: list(text('e-mail addresses', /^[^\s@]+@[^\s@]+$/, 'must be an e-mail address', asIs), {
    doc: 'Subject alternative names of the type e-mail, compared exactly.',
  }),
  /**
   * SHA-256 of certificates in DER, in hexadecimal digits with or without colons, as `openssl x509
   * -fingerprint -sha256` prints it. Default: none.
   */
  fingerprints: list(
    text(
      'SHA-256 fingerprints',
      /^(?:[\da-f]{2}:?){31}[\da-f]{2}$/i,
      'must be the SHA-256 of a certificate: 64 hexadecimal digits, with or without colons',
      (value) => value.replaceAll(':', '').toLowerCase(),
    ),
    {
      doc: 'SHA-256 of certificates in DER, in hexadecimal digits with or without colons, as `openssl x509 -fingerprint -sha256` prints it.',
    },
  ),
  /**
   * What of the certificate is the identity. If it has no such name, the identity is its fingerprint.
   * Default: `'commonName'`.
   */
  identity: oneOf(['commonName', 'subject', 'dnsName', 'uri', 'email', 'fingerprint'], {
    default: 'commonName',
    doc: 'What of the certificate is the identity. If it has no such name, the identity is its fingerprint.',
  }),
};

/** Which client certificates have access. */
export interface ClientCertificateRules extends OptionsOf<typeof clientCertificateOptions> {}

/**
 * Allows clients whose connection has a verified certificate with one of these names. Without a list, every certificate
 * that the TLS server has verified is allowed. The server must ask clients for certificates (`requestCert` and `ca` of
 * `node:tls`); the policy itself trusts nothing that was not verified. Throws an `OptionsError` that lists every problem.
 */
export function clientCertificate(rules: ClientCertificateRules = {}): AccessPolicy {
  const check = new Checker('clientCertificate');
  const { identity, subjects, dnsNames, uris, emails, fingerprints } = resolve(
    clientCertificateOptions,
    rules,
    check,
  );
  const lists = { subjects, dnsNames, uris, emails, fingerprints };
  for (const name of Object.keys(lists)) {
    const given: unknown = (rules as Readonly<Record<string, unknown>>)[name];
    if (Array.isArray(given) && given.length === 0) check.problem(name, 'must have at least one');
  }
  check.throwIfAny();
  const isOpen = Object.values(lists).every((names) => names === undefined);
  const has = (names: readonly string[] | undefined, name: string): boolean => names?.includes(name) === true;
  return ({ clientCertificate: certificate }) => {
    if (certificate === null) return refuse('the client has no certificate');
    if (Date.now() > certificate.validTo) return refuse('the certificate has expired on this connection');
    const isKnown =
      isOpen ||
      has(fingerprints, certificate.fingerprint) ||
      has(subjects, certificate.subject) ||
      certificate.dnsNames.some((name) => has(dnsNames, name)) ||
      certificate.uris.some((name) => has(uris, name)) ||
      certificate.emails.some((name) => has(emails, name));
    if (!isKnown) return refuse(`the certificate of ${certificate.subject} is not in a list`);
    return { allowed: true, identity: identityOf(certificate, identity) };
  };
}

/** A certificate cannot be sent in answer to a challenge of HTTP, so the status is 403. */
const refuse = (reason: string): AccessRefusal => ({ allowed: false, status: 403, reason });

function identityOf(
  { commonName, subject, dnsNames, uris, emails, fingerprint }: ClientCertificate,
  kind: 'commonName' | 'subject' | 'dnsName' | 'uri' | 'email' | 'fingerprint',
): string {
  const names = { commonName, subject, dnsName: dnsNames[0], uri: uris[0], email: emails[0], fingerprint };
  const name = names[kind] ?? '';
  return name.trim() === '' ? fingerprint : name;
}
