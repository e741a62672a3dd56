import type { ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type AnsweringServer, answeringServer } from './answering-server.js';
import type { Network } from './fixture.js';

export const ISSUER = 'https://issuer.test';
export const AUDIENCE = 'files';

/** A key of an issuer. */
export interface IssuerKey {
  kid: string;
  algorithm: string;
  privateKey: CryptoKey;
  jwk: JWK;
}

export async function issuerKey(kid: string, algorithm = 'ES256'): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { kid, algorithm, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm } };
}

/** A valid token, except for what is given. */
export function token(
  key: IssuerKey,
  claims: Readonly<Record<string, unknown>> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const payload = { iss: ISSUER, aud: AUDIENCE, sub: 'anna', exp: inSeconds(600), ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.algorithm, kid: key.kid, ...header })
    .sign(key.privateKey, { crit: { x: true } });
}

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** An issuer that publishes its keys. */
export interface Issuer extends AnsweringServer {
  keys: IssuerKey[];
  /** Answers instead of the keys. */
  answer: ((response: ServerResponse) => void) | null;
}

export async function startIssuer(net: Network, keys: IssuerKey[]): Promise<Issuer> {
  const server = await answeringServer(net, (_request, response) => {
    if (issuer.answer !== null) issuer.answer(response);
    else response.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }));
  });
  const issuer: Issuer = Object.assign(server, { keys, answer: null });
  return issuer;
}
