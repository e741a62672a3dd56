import type { X509Certificate } from 'node:crypto';
import type { ClientConnection } from './client-connection.js';

/** What a verified client certificate says. All texts are as the authority has signed them. */
export interface ClientCertificate {
  /** The distinguished name of the client, as RFC 4514 writes it: `CN=backup,O=Example`. Empty if it has none. */
  readonly subject: string;
  /** The last common name of the subject. Null if it has none. */
  readonly commonName: string | null;
  /** Subject alternative names of the type `dNSName`, in lower case. */
  readonly dnsNames: readonly string[];
  /** Subject alternative names of the type `uniformResourceIdentifier`, such as SPIFFE ids. */
  readonly uris: readonly string[];
  /** Subject alternative names of the type `rfc822Name`. */
  readonly emails: readonly string[];
  /** The distinguished name of the authority that has signed it. */
  readonly issuer: string;
  readonly serialNumber: string;
  /** SHA-256 of the certificate in DER, as 64 hexadecimal digits in lower case. */
  readonly fingerprint: string;
  /** When it expires, in milliseconds since 1970. A long connection can outlive its certificate. */
  readonly validTo: number;
}

/** The members of a TLS socket that are read. */
interface SecureSocket {
  readonly authorized: boolean;
  getPeerX509Certificate(): X509Certificate | undefined;
}

const known = new WeakMap<object, ClientCertificate | null>();

/**
 * Reads the certificate of the client at the other end of a connection: an HTTP/1 socket or an HTTP/2 session. It stays
 * the same as long as the connection lives, also if it was resumed. Null if there is none, or if it is not verified.
 */
export function readClientCertificate(connection: ClientConnection | null): ClientCertificate | null {
  if (connection === null) return null;
  const found = known.get(connection);
  if (found !== undefined) return found;
  const certificate = read(connection);
  known.set(connection, certificate);
  return certificate;
}

function read(connection: ClientConnection): ClientCertificate | null {
  const socket =
    (connection as { socket?: Partial<SecureSocket> }).socket ?? (connection as Partial<SecureSocket>);
  // `in` does not work: the socket of an HTTP/2 session is a proxy object.
  if (socket.authorized !== true || typeof socket.getPeerX509Certificate !== 'function') return null;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : describe(certificate);
}

function describe(certificate: X509Certificate): ClientCertificate {
  const names = parseAlternativeNames(certificate.subjectAltName ?? '');
  const ofType = (type: string): string[] => names.flatMap(([each, name]) => (each === type ? [name] : []));
  return {
    subject: toDistinguishedName(certificate.subject),
    commonName: commonNameOf(certificate.subject),
    dnsNames: ofType('DNS').map((name) => name.toLowerCase()),
    uris: ofType('URI'),
    emails: ofType('email'),
    issuer: toDistinguishedName(certificate.issuer),
    serialNumber: certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    validTo: Date.parse(certificate.validTo),
  };
}

/** Node writes one part a line, the most general first, with the escapes of RFC 2253. RFC 4514 begins with the last part. */
const toDistinguishedName = (name: string | undefined): string =>
  (name ?? '')
    .split('\n')
    .filter((part) => part !== '')
    .toReversed()
    .join(',');

function commonNameOf(subject: string | undefined): string | null {
  const part = (subject ?? '').split('\n').findLast((each) => each.startsWith('CN='));
  return part === undefined ? null : unescapeName(part.slice('CN='.length));
}

/** RFC 4514 section 3: `\,` is a comma, and `\C3\BC` are bytes of UTF-8. */
const unescapeName = (text: string): string =>
  text.replaceAll(
    /(?:\\[\da-f]{2})+|\\(.)/gi,
    (escaped: string, char: string | undefined) =>
      char ?? Buffer.from(escaped.replaceAll('\\', ''), 'hex').toString('utf8'),
  );

/**
 * Parses names in Node's form: `DNS:a.example, URI:"spiffe://a, b"`. A name with a comma, a quote or a control character is
 * quoted as in JSON, so that no name can look like two.
 */
function parseAlternativeNames(text: string): [type: string, name: string][] {
  const names: [string, string][] = [];
  for (const [, type = '', quoted, plain] of text.matchAll(
    /(?:^|, )([^:,"]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?=, |$)/g,
  ))
    names.push([type, quoted === undefined ? (plain ?? '') : (JSON.parse(quoted) as string)]);
  return names;
}
