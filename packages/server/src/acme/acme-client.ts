import type { KeyObject } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AcmeError } from './acme-error.js';
import { type HttpsOptions, type HttpsResponse, sendHttps } from './https-request.js';
import { type ExternalAccount, signBinding, signRequest, toJwk } from './jws.js';

/** The resources of a directory (RFC 8555 section 7.1.1). */
interface Directory {
  newNonce: string;
  newAccount: string;
  newOrder: string;
  meta?: { externalAccountRequired?: boolean; termsOfService?: string };
}

export interface Order {
  status: string;
  authorizations: string[];
  finalize: string;
  certificate?: string;
  error?: Problem;
}

export interface Authorization {
  status: string;
  identifier: { type: string; value: string };
  challenges: Challenge[];
}

export interface Challenge {
  type: string;
  url: string;
  status: string;
  token: string;
  error?: Problem;
}

/** A problem document (RFC 9457). */
interface Problem {
  type?: string;
  detail?: string;
}

export interface AcmeClientOptions extends HttpsOptions {
  directory: string;
  /** The private key of the account, on P-256. */
  accountKey: KeyObject;
  email: string | null;
  externalAccount: ExternalAccount | null;
}

/** How often a request is sent again because its nonce was not accepted (RFC 8555 section 6.5). */
const MAX_NONCES = 10;

/** Longest wait for an authority to validate or issue. */
const MAX_POLL_MS = 5 * 60_000;

/**
 * An ACME client (RFC 8555) for one account.
 *
 * It is our own: acme-client 5.4 would bring axios, node-forge and two more ASN.1 parsers to the place where private keys
 * are made.
 */
export class AcmeClient {
  readonly #options: AcmeClientOptions;
  #directory: Directory | null = null;
  #account: string | null = null;
  /** A nonce for the next request. */
  #nonce: string | null = null;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
  }

  /** Orders a certificate for a host name, and returns the order with its URL (RFC 8555 section 7.4). */
  async createOrder(name: string): Promise<{ url: string; order: Order }> {
    const { newOrder } = await this.#resources();
    const response = await this.#post(newOrder, { identifiers: [{ type: 'dns', value: name }] });
    return { url: locationOf(response), order: parse(response) as Order };
  }

  async readAuthorization(url: string): Promise<Authorization> {
    return parse(await this.#post(url, null)) as Authorization;
  }

  /** Tells the authority that a challenge can be validated. */
  async respond({ url }: Challenge): Promise<void> {
    await this.#post(url, {});
  }

  /** Asks for an order until its status is none of `statuses`. */
  async pollOrder(url: string, statuses: readonly string[]): Promise<Order> {
    return (await this.#poll(url, statuses)) as Order;
  }

  async pollAuthorization(url: string, statuses: readonly string[]): Promise<Authorization> {
    return (await this.#poll(url, statuses)) as Authorization;
  }

  async #poll(url: string, statuses: readonly string[]): Promise<object> {
    const end = Date.now() + MAX_POLL_MS;
    for (let pauseMs = 250; ; pauseMs = Math.min(2 * pauseMs, 10_000)) {
      const response = await this.#post(url, null);
      const resource = parse(response);
      if (!('status' in resource) || !statuses.some((status) => status === resource.status)) return resource;
      const waitMs = Math.max(pauseMs, Math.min(retryAfterMs(response), 60_000));
      if (Date.now() + waitMs > end)
        throw new AcmeError(`the authority needs longer than ${MAX_POLL_MS / 60_000} minutes`);
      await sleep(waitMs, undefined, { signal: this.#options.signal, ref: false });
    }
  }

  /** Sends a certificate request in DER (RFC 8555 section 7.4). */
  async finalize({ finalize }: Order, request: Buffer): Promise<void> {
    await this.#post(finalize, { csr: request.toString('base64url') });
  }

  /** The chain in PEM. */
  async download(url: string): Promise<string> {
    return (await this.#post(url, null)).body;
  }

  async #resources(): Promise<Directory> {
    if (this.#directory !== null) return this.#directory;
    const { directory } = this.#options;
    const found = parse(await this.#send('GET', directory, null)) as Partial<Directory>;
    const { newNonce, newAccount, newOrder } = found;
    if (newNonce === undefined || newAccount === undefined || newOrder === undefined)
      throw new AcmeError(`${directory} is not an ACME directory`);
    this.#directory = { ...found, newNonce, newAccount, newOrder };
    return this.#directory;
  }

  /** The URL of the account. An authority returns that of an existing account for the same key (RFC 8555 section 7.3.1). */
  async #accountUrl(): Promise<string> {
    if (this.#account !== null) return this.#account;
    const { newAccount, meta } = await this.#resources();
    const { accountKey, email, externalAccount } = this.#options;
    if (meta?.externalAccountRequired === true && externalAccount === null)
      throw new AcmeError('the authority requires an account of its own: set externalAccount');
    const response = await this.#sign(
      newAccount,
      { jwk: toJwk(accountKey) },
      {
        termsOfServiceAgreed: true,
        ...(email !== null && { contact: [`mailto:${email}`] }),
        ...(externalAccount !== null && {
          externalAccountBinding: signBinding(externalAccount, accountKey, newAccount),
        }),
      },
    );
    this.#account = locationOf(response);
    return this.#account;
  }

  async #post(url: string, payload: unknown): Promise<HttpsResponse> {
    return this.#sign(url, { kid: await this.#accountUrl() }, payload);
  }

  async #sign(
    url: string,
    signer: Readonly<Record<string, unknown>>,
    payload: unknown,
  ): Promise<HttpsResponse> {
    for (let attempt = 1; ; attempt++) {
      const nonce = await this.#takeNonce();
      try {
        return await this.#send(
          'POST',
          url,
          signRequest(this.#options.accountKey, { nonce, url, ...signer }, payload),
        );
      } catch (error) {
        if (!(error instanceof AcmeError) || error.type !== 'badNonce' || attempt === MAX_NONCES) throw error;
      }
    }
  }

  async #takeNonce(): Promise<string> {
    if (this.#nonce === null) await this.#send('HEAD', (await this.#resources()).newNonce, null);
    const nonce = this.#nonce;
    if (nonce === null) throw new AcmeError('the authority gave no nonce');
    this.#nonce = null;
    return nonce;
  }

  /** Throws an `AcmeError` for a response that is an error. */
  async #send(method: string, url: string, content: unknown): Promise<HttpsResponse> {
    const response = await sendHttps(method, url, content, this.#options);
    const nonce = response.headers['replay-nonce'];
    if (typeof nonce === 'string') this.#nonce = nonce;
    if (response.status >= 200 && response.status < 300) return response;
    throw toError(response, new URL(url).host);
  }
}

function parse({ body }: HttpsResponse): object {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Reported below.
  }
  throw new AcmeError('the authority sent something that is not a JSON object');
}

function locationOf({ headers: { location } }: HttpsResponse): string {
  if (location === undefined) throw new AcmeError('the authority sent no Location');
  return location;
}

function toError(response: HttpsResponse, host: string): AcmeError {
  let problem: Problem = {};
  try {
    problem = JSON.parse(response.body) as Problem;
  } catch {
    // An error page, whose status is enough.
  }
  const type =
    typeof problem.type === 'string' ? problem.type.replace(/^urn:ietf:params:acme:error:/, '') : '';
  const text = describeProblem(problem);
  return new AcmeError(`${host} answered ${response.status}${text === '' ? '' : `: ${text}`}`, {
    type,
    retryAfterMs: retryAfterMs(response),
  });
}

/** The text of a problem in one line. */
export function describeProblem({ type, detail }: Problem): string {
  const name = typeof type === 'string' ? type.replace(/^urn:ietf:params:acme:error:/, '') : '';
  const text = typeof detail === 'string' ? detail.replaceAll(/[\p{Cc}\s]+/gu, ' ').slice(0, 500) : '';
  return [name, text].filter((part) => part !== '').join(': ');
}

/** 0 if there is none. */
function retryAfterMs({ headers }: HttpsResponse): number {
  const value = headers['retry-after'] ?? '';
  const delay = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return delay > 0 ? delay : 0;
}
