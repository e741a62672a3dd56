import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerIdentity } from '../server/listen.js';
import { readFlag, UsageError } from './usage-error.js';

/** What `--cert` and `--key` name, or null without them. */
export function readIdentity(
  certFile: string | undefined,
  keyFile: string | undefined,
): ServerIdentity | null {
  if (certFile === undefined && keyFile === undefined) return null;
  if (certFile === undefined) throw new UsageError('--key needs --cert beside it');
  if (keyFile === undefined) throw new UsageError('--cert needs --key beside it');

  const cert = readCertificates('--cert', certFile);
  const { key, parsed } = readFlag('--key', () => {
    const pem = readText(keyFile);
    try {
      return { key: pem, parsed: createPrivateKey(pem) };
    } catch (error) {
      throw new Error(`${keyFile} holds no private key in PEM that can be used`, { cause: error });
    }
  });
  if (!new X509Certificate(cert).checkPrivateKey(parsed)) {
    throw new UsageError(`--key: ${keyFile} is not the key of the first certificate in ${certFile}`);
  }
  return { cert, key };
}

/** The text of a file of certificates in PEM. Node ignores what it cannot read there, so it is checked here. */
export function readCertificates(flag: string, file: string): string {
  return readFlag(flag, () => {
    const pem = readText(file);
    const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    try {
      certificates.map((certificate) => new X509Certificate(certificate));
    } catch (error) {
      throw new Error(`${file} holds a certificate that cannot be read`, { cause: error });
    }
    if (certificates.length === 0) throw new Error(`${file} holds no certificate in PEM`);
    return pem;
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
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
