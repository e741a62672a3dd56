import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { type AccessRequest, SluicewayError } from 'sluiceway';

/** The field in which a browser sends the token. */
const TOKEN_FIELD = 'x-sluiceway-token';

/**
 * The token that a page of this listener reads and sends back with each change. A page of another site can send requests, but
 * it cannot read the token.
 */
export class AdminSession {
  readonly token = randomBytes(32).toString('base64url');

  /** Refuses a change that a browser sends without the token. Programs send neither `Origin` nor `Sec-Fetch-Site`. */
  check({ headers }: Pick<AccessRequest, 'headers'>): void {
    const isBrowser = headers.has('origin') || headers.has('sec-fetch-site');
    if (!isBrowser || isEqual(headers.get(TOKEN_FIELD) ?? '', this.token)) return;
    throw new SluicewayError('http_request_denied', 'A browser sent the request without the token', {
      status: 403,
      publicMessage:
        'Changes from a browser need the field X-Sluiceway-Token, with the token of /api/session.',
    });
  }
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

const isEqual = (given: string, token: string): boolean => timingSafeEqual(hash(given), hash(token));
