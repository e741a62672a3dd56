import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  type AcmeClient,
  type Authorization,
  type Challenge,
  describeProblem,
  type Order,
} from './acme-client.js';
import { AcmeError } from './acme-error.js';
import { createCertificateRequest } from './certificate-request.js';
import { keyAuthorization } from './jws.js';
import type { ChallengeType } from './settings.js';
import { type AcmeStorage, generateKey } from './storage.js';

/** Obtains a certificate for a host name with a new key, and stores both (RFC 8555 section 7.1). Throws an `AcmeError`. */
export async function obtainCertificate(
  client: AcmeClient,
  storage: AcmeStorage,
  accountKey: KeyObject,
  name: string,
  challenge: ChallengeType,
): Promise<void> {
  const { url, order } = await client.createOrder(name);
  for (const each of order.authorizations)
    await authorize(client, storage, accountKey, name, challenge, each);
  const ready = await client.pollOrder(url, ['pending']);
  if (ready.status === 'invalid') throw toOrderError(ready);
  const key = generateKey();
  if (ready.status === 'ready') await client.finalize(ready, createCertificateRequest(name, key));
  const done = await client.pollOrder(url, ['ready', 'processing']);
  if (done.status !== 'valid' || done.certificate === undefined) throw toOrderError(done);
  const chain = await client.download(done.certificate);
  checkChain(chain, key, name);
  storage.writeCertificate(name, chain, key);
}

async function authorize(
  client: AcmeClient,
  storage: AcmeStorage,
  accountKey: KeyObject,
  name: string,
  kind: ChallengeType,
  url: string,
): Promise<void> {
  const authorization = await client.readAuthorization(url);
  if (authorization.status === 'valid') return;
  const challenge = authorization.challenges.find(({ type }) => type === kind);
  if (challenge === undefined) throw new AcmeError(`the authority offers no challenge of the type ${kind}`);
  const answer = keyAuthorization(challenge.token, accountKey);
  if (kind === 'http-01') storage.writeChallenge(challenge.token, answer);
  else storage.writeTlsChallenge(name, answer);
  try {
    await client.respond(challenge);
    const result = await client.pollAuthorization(url, ['pending']);
    if (result.status !== 'valid') throw toChallengeError(result);
  } finally {
    if (kind === 'http-01') storage.removeChallenge(challenge.token);
    else storage.removeTlsChallenge(name);
  }
}

function toChallengeError({ status, challenges }: Authorization): AcmeError {
  const failed: Challenge | undefined = challenges.find(({ error }) => error !== undefined);
  const reason = failed?.error === undefined ? status : describeProblem(failed.error);
  return new AcmeError(`the authority could not validate the name: ${reason}`);
}

const toOrderError = ({ status, error }: Order): AcmeError =>
  new AcmeError(
    `the authority issued no certificate: ${error === undefined ? status : describeProblem(error)}`,
  );

/** Whatever the authority sends is served to clients and must not replace a certificate that works. */
function checkChain(chain: string, key: KeyObject, name: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chain);
  } catch (error) {
    throw new AcmeError('the authority sent something that is not a certificate', { cause: error });
  }
  const ours = createPublicKey(key).export({ type: 'spki', format: 'der' });
  if (!certificate.publicKey.export({ type: 'spki', format: 'der' }).equals(ours))
    throw new AcmeError('the authority sent a certificate for another key');
  if (certificate.checkHost(name) === undefined)
    throw new AcmeError('the authority sent a certificate for another name');
}
