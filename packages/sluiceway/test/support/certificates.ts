import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A key with its certificate, both in PEM. Peers have to trust `ca`. */
export interface TestCertificate {
  cert: string;
  key: string;
  ca: string;
}

export interface CertificateOptions {
  /** Signs the certificate. Without it, the certificate is self-signed, and so its own `ca`. */
  issuer?: TestCertificate;
  notBefore?: Date;
  notAfter?: Date;
}

/** Makes a certificate for names and addresses. The first one is the common name. */
export async function makeCertificate(
  names: readonly string[],
  options: CertificateOptions = {},
): Promise<TestCertificate> {
  const { issuer, notBefore, notAfter } = options;
  const made = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: issuer === undefined },
      {
        name: 'subjectAltName',
        altNames: names.map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
    ...(issuer && { ca: { key: issuer.key, cert: issuer.cert } }),
    ...(notBefore && { notBeforeDate: notBefore }),
    ...(notAfter && { notAfterDate: notAfter }),
  });
  return { cert: made.cert, key: made.private, ca: issuer?.ca ?? made.cert };
}

/** Makes a private certificate authority, for `issuer`. */
export async function makeAuthority(name = 'Test Authority'): Promise<TestCertificate> {
  const made = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private, ca: made.cert };
}

let loopback: Promise<TestCertificate> | undefined;

/** A certificate for `localhost`, 127.0.0.1 and ::1, made once per test file. */
export function loopbackCertificate(): Promise<TestCertificate> {
  loopback ??= makeCertificate(['localhost', '127.0.0.1', '::1']);
  return loopback;
}
