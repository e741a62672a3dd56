import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerIdentity } from '../server/listen.js';
import { readFlag, UsageError } from './usage-error.js';

/** The certificate and key of `--cert` and `--key`; null without these flags. */
export function readIdentity(
  certFile: string | undefined,
  keyFile: string | undefined,
): ServerIdentity | null {
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined) throw new UsageError('--key needs --cert');
  if (keyFile === undefined) throw new UsageError('--cert needs --key');

  const cert = readCertificates('--cert', certFile);
  const { key, parsed } = readFlag('--key', () => {
    const pem = readText(keyFile);
    try {
      return { key: pem, parsed: createPrivateKey(pem) };
    } catch (error) {
      throw new Error(`${keyFile} contains no usable private key in PEM format`, { cause: error });
    }
  });
  if (!new X509Certificate(cert).checkPrivateKey(parsed)) {
    throw new UsageError(`--key: ${keyFile} is not the key of the first certificate in ${certFile}`);
  }
  return { cert, key };
}

/** The text of a file of certificates in PEM. Node ignores certificates that it cannot read, so they are checked here. */
export function readCertificates(flag: string, file: string): string {
  return readFlag(flag, () => {
    const pem = readText(file);
    const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    try {
      certificates.map((certificate) => new X509Certificate(certificate));
    } catch (error) {
      throw new Error(`${file} contains a certificate that cannot be read`, { cause: error });
    }
    if (certificates.length === 0) throw new Error(`${file} contains no certificate in PEM format`);
    return pem;
  });
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
