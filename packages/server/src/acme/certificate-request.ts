import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  bitString,
  constructed,
  objectIdentifier,
  octetString,
  primitive,
  sequence,
  set,
  smallInteger,
} from './der.js';
import { DNS_NAME, ECDSA_WITH_SHA256, SUBJECT_ALT_NAME } from './x509.js';

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/**
 * Creates a certificate request (RFC 2986) in DER for one host name. `key` is a private key on P-256. The subject is empty:
 * authorities take the names from the extension (RFC 8555 section 7.4).
 */
export function createCertificateRequest(name: string, key: KeyObject): Buffer {
  const names = sequence(primitive(DNS_NAME, Buffer.from(name, 'latin1')));
  const extensions = sequence(sequence(objectIdentifier(SUBJECT_ALT_NAME), octetString(names)));
  const info = sequence(
    smallInteger(0),
    sequence(),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    constructed(0, sequence(objectIdentifier(EXTENSION_REQUEST), set(extensions))),
  );
  return sequence(info, sequence(objectIdentifier(ECDSA_WITH_SHA256)), bitString(sign('sha256', info, key)));
}
