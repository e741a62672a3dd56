import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** A certificate with its key. */
export interface Certificate {
  /** In PEM, including the intermediate certificates. */
  cert: string;
  /** In PEM. */
  key: string;
  /** The first certificate of `cert`. */
  parsed: X509Certificate;
}

/** A problem with one of the files of a certificate. */
export class PemError extends Error {
  override readonly name = 'PemError';
  readonly part: 'cert' | 'key';

  constructor(part: 'cert' | 'key', message: string, options?: ErrorOptions) {
    super(message, options);
    this.part = part;
  }
}

/** Reads a certificate and its key. Throws a `PemError`. */
export function readCertificate(certFile: string, keyFile: string): Certificate {
  const cert = attempt('cert', () => readCertificates(certFile));
  const key = attempt('key', () => readText(keyFile));
  const parsed = new X509Certificate(cert);
  if (!parsed.checkPrivateKey(readKey(key, keyFile)))
    throw new PemError('key', `${keyFile} is not the key of the first certificate in ${certFile}`);
  return { cert, key, parsed };
}

function readKey(pem: string, file: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new PemError('key', `${file} contains no usable private key in PEM format`, { cause: error });
  }
}

/** Reads a file of certificates in PEM, and checks each of them: Node would ignore those that it cannot read. */
export function readCertificates(file: string): string {
  const pem = readText(file);
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    certificates.map((certificate) => new X509Certificate(certificate));
  } catch (error) {
    throw new Error(`${file} contains a certificate that cannot be read`, { cause: error });
  }
  if (certificates.length === 0) throw new Error(`${file} contains no certificate in PEM format`);
  return pem;
}

function attempt<T>(part: 'cert' | 'key', read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new PemError(part, (error as Error).message, { cause: error });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
};

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new Error(`cannot read ${file}: ${reasons[code] ?? message}`, { cause: error });
  }
}
