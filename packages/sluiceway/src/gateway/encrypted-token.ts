import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { type Grant, packGrant, readGrant } from './grant.js';
import { decodeBase64Url, type KeyRing, type ResolvedKey } from './keys.js';

/** The first byte of every token, and part of what is authenticated. */
const VERSION = 1;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A grant that nobody else can read: version, length of the key id, key id, salt, then the grant as JSON under
 * AES-256-GCM, and the tag, all in base64url. Key and nonce are derived with HKDF-SHA-256 from the secret and a random
 * salt of each link, so no pair of them is ever used twice; what comes before the ciphertext is authenticated with it.
 */
export function encryptGrant(grant: Grant, key: ResolvedKey): string {
  const salt = randomBytes(SALT_BYTES);
  const head = Buffer.concat([Buffer.of(VERSION, key.id.length), Buffer.from(key.id, 'latin1'), salt]);
  const { cipherKey, nonce } = derive(key, salt);
  const cipher = createCipheriv('aes-256-gcm', cipherKey, nonce).setAAD(head);
  const text = JSON.stringify(packGrant(grant));
  const sealed = [cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat([head, ...sealed]).toString('base64url');
}

/** Null for whatever has not been encrypted with one of the keys, in the one spelling that it has. */
export function decryptGrant(token: string, keys: KeyRing): Grant | null {
  const bytes = decodeBase64Url(token);
  if (bytes === null || bytes[0] !== VERSION) return null;
  const idEnd = 2 + (bytes[1] ?? 0);
  const headEnd = idEnd + SALT_BYTES;
  if (bytes.length < headEnd + TAG_BYTES) return null;
  const key = keys.find(bytes.toString('latin1', 2, idEnd));
  const { cipherKey, nonce } = derive(key, bytes.subarray(idEnd, headEnd));
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: TAG_BYTES })
    .setAAD(bytes.subarray(0, headEnd))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const text =
      decipher.update(bytes.subarray(headEnd, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    return readGrant(JSON.parse(text));
  } catch {
    // The tag is wrong; or whoever has the key has encrypted something else than JSON.
    return null;
  }
}

function derive(key: ResolvedKey, salt: Uint8Array): { cipherKey: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(
    hkdfSync('sha256', key.secret, salt, 'sluiceway link v1', KEY_BYTES + NONCE_BYTES),
  );
  return { cipherKey: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}
