import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { invalidLink, wrongSignature } from '../access/invalid-link.js';
import { decodeBase64Url, type KeyRing, type ResolvedKey } from '../access/keys.js';
import { type Grant, packGrant, readGrant, type SignedGrant } from './grant.js';

/** The first byte of every token. It is authenticated. */
const VERSION = 1;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts a grant. The token consists of version, length of the key id, key id, salt, the grant as JSON under
 * AES-256-GCM, and the tag, all in base64url. HKDF-SHA-256 derives key and nonce from the secret and a random salt per
 * link, so no pair of key and nonce is used twice. Everything before the ciphertext is authenticated with it.
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

/**
 * Decrypts a token that was encrypted with one of the keys. Accepts only the canonical base64url of a token. Throws
 * `link_invalid` for anything else, with a message that says what is wrong.
 */
export function decryptGrant(token: string, keys: KeyRing): SignedGrant {
  const bytes = decodeBase64Url(token);
  if (bytes === null) throw invalidLink('it is not canonical base64url');
  if (bytes[0] !== VERSION) throw invalidLink('it has another version');
  const idEnd = 2 + (bytes[1] ?? 0);
  const headEnd = idEnd + SALT_BYTES;
  if (bytes.length < headEnd + TAG_BYTES) throw invalidLink('it is truncated');
  const key = keys.find(bytes.toString('latin1', 2, idEnd));
  const { cipherKey, nonce } = derive(key, bytes.subarray(idEnd, headEnd));
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: TAG_BYTES })
    .setAAD(bytes.subarray(0, headEnd))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  let packed: unknown;
  try {
    const sealed = bytes.subarray(headEnd, -TAG_BYTES);
    packed = JSON.parse(decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8'));
  } catch {
    // No `cause`: a JSON parser's message quotes part of the text.
    throw wrongSignature(key);
  }
  return { grant: readGrant(packed), key: key.id };
}

function derive(key: ResolvedKey, salt: Uint8Array): { cipherKey: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(
    hkdfSync('sha256', key.secret, salt, 'sluiceway link v1', KEY_BYTES + NONCE_BYTES),
  );
  return { cipherKey: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}
