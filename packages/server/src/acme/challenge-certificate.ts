import { createHash, createPublicKey, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  constructed,
  objectIdentifier,
  octetString,
  primitive,
  sequence,
  set,
  smallInteger,
  utcTime,
  utf8String,
} from './der.js';
import { generateKey } from './storage.js';
import { DNS_NAME, ECDSA_WITH_SHA256, SUBJECT_ALT_NAME } from './x509.js';

const COMMON_NAME = '2.5.4.3';
const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';
const DAY_MS = 86_400_000;

/** A self-signed certificate that proves control of a name (RFC 8737 section 3), with its key, both in PEM. */
export function createChallengeCertificate(
  name: string,
  authorization: string,
): { cert: string; key: string } {
  const key = generateKey();
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const issuer = sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String('ACME challenge'))));
  const digest = createHash('sha256').update(authorization).digest();
  const names = sequence(primitive(DNS_NAME, Buffer.from(name, 'latin1')));
  const extensions = sequence(
    sequence(objectIdentifier(SUBJECT_ALT_NAME), octetString(names)),
    sequence(objectIdentifier(ACME_IDENTIFIER), boolean(true), octetString(octetString(digest))),
  );
  const content = sequence(
    constructed(0, smallInteger(2)),
    smallInteger(1),
    algorithm,
    issuer,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    issuer,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    constructed(3, extensions),
  );
  const der = sequence(content, algorithm, bitString(sign('sha256', content, key)));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
