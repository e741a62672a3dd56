import { createHash, createHmac, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** A signed request in the flattened JSON serialization of RFC 7515. */
export interface SignedRequest {
  protected: string;
  payload: string;
  signature: string;
}

/** The public part of a key on P-256, in the order that a thumbprint needs (RFC 7638 section 3.2). */
interface PublicJwk {
  crv: string;
  kty: string;
  x: string;
  y: string;
}

/** An account that the operator of the directory has created elsewhere (RFC 8555 section 7.3.4). */
export interface ExternalAccount {
  keyId: string;
  /** The MAC key, a secret. */
  key: Buffer;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Signs a request with ES256 (RFC 8555 section 6.2). `header` has the nonce, the URL, and who signs. A payload of null is
 * POST-as-GET.
 */
export function signRequest(
  key: KeyObject,
  header: Readonly<Record<string, unknown>>,
  payload: unknown,
): SignedRequest {
  const parts = {
    protected: encode({ alg: 'ES256', ...header }),
    payload: payload === null ? '' : encode(payload),
  };
  const input = Buffer.from(`${parts.protected}.${parts.payload}`);
  const signature = sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' });
  return { ...parts, signature: signature.toString('base64url') };
}

/** Binds the key of an account to an external account. */
export function signBinding(account: ExternalAccount, key: KeyObject, url: string): SignedRequest {
  const parts = {
    protected: encode({ alg: 'HS256', kid: account.keyId, url }),
    payload: encode(toJwk(key)),
  };
  const mac = createHmac('sha256', account.key).update(`${parts.protected}.${parts.payload}`);
  return { ...parts, signature: mac.digest('base64url') };
}

export function toJwk(key: KeyObject): PublicJwk {
  const { crv = '', kty = '', x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' });
  return { crv, kty, x, y };
}

/** What a challenge has to answer with (RFC 8555 section 8.1). */
export function keyAuthorization(token: string, key: KeyObject): string {
  const thumbprint = createHash('sha256')
    .update(JSON.stringify(toJwk(key)))
    .digest('base64url');
  return `${token}.${thumbprint}`;
}
