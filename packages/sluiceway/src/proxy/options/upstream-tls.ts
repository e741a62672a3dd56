import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { DialTlsOptions } from '../../net/dial-tls.js';
import type { Checker } from '../../options/checker.js';

/** Verification of the origin server's certificate cannot be turned off: trust a private CA instead. */
export interface UpstreamTlsOptions {
  /** PEM certificates to trust in place of Node's. */
  ca?: SecureContextOptions['ca'];
  /** PEM client certificate and its key. */
  cert?: string | Buffer;
  key?: string | Buffer;
  /** Name to ask for and to verify in place of the URL's. */
  servername?: string;
}

/**
 * Reads certificates and key once, for all connections: parsing a bundle of authorities for each would take longer
 * than the handshake. No message repeats what it complains about.
 */
export function resolveTls(
  check: Checker,
  path: string,
  options: UpstreamTlsOptions | undefined,
): DialTlsOptions | undefined {
  if (options === undefined || !check.unknownKeys(path, options, ['ca', 'cert', 'key', 'servername'])) return;
  const servername = check.string(`${path}.servername`, options.servername, undefined);
  const ca = check.parsed(`${path}.ca`, options.ca, undefined, readAuthorities);
  const cert = check.parsed(`${path}.cert`, options.cert, undefined, readCertificate);
  const key = check.parsed(`${path}.key`, options.key, undefined, readKey);
  if ((options.cert === undefined) !== (options.key === undefined)) {
    check.problem(path, 'must have both cert and key, or neither');
  }
  const pair = cert === undefined || key === undefined ? {} : { cert, key };
  const secureContext = check.parsed(path, { ...pair, ...(ca && { ca }) }, undefined, (given) => {
    try {
      return createSecureContext(given);
    } catch {
      throw new TypeError('must have a key that belongs to the certificate');
    }
  });
  return { ...(secureContext && { secureContext }), ...(servername !== undefined && { servername }) };
}

type Pem = string | Buffer;

/** Node ignores in silence what is no certificate, and would trust nobody then. */
function readAuthorities(ca: NonNullable<UpstreamTlsOptions['ca']>): Pem[] {
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
