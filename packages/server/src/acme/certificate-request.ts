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

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALT_NAME = '2.5.29.17';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
/** The tag of a DNS name among general names (RFC 5280 section 4.2.1.6). */
const DNS_NAME = 2;

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
