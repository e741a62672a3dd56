import type { Readable } from 'node:stream';
import { SluicewayError } from '../errors.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { ClientRequest, ResponseHead } from './exchange.js';

/** Node keeps about a thousand field lines and drops the rest silently, so a request with that many may be incomplete. */
const MAX_FIELDS = 1000;

export function checkFieldCount(fields: ReadonlyFields): void {
  if (fields.size < MAX_FIELDS) return;
  throw new SluicewayError('http_request_error', `More than ${MAX_FIELDS} field lines`, {
    status: 431,
    publicMessage: 'The request has too many fields.',
  });
}

/** Express, Connect and Nest keep the request-target here before they remove a mount path from `url`. */
export function readOriginalUrl(request: ClientRequest & { originalUrl?: unknown }): string {
  const { originalUrl, url = '' } = request;
  return typeof originalUrl === 'string' ? originalUrl : url;
}

/** Throws if a hook has set a status that is not final. */
export function checkFinalStatus(head: ResponseHead): void {
  if (head.status < 200) throw new TypeError(`A response needs a final status, not ${head.status}`);
}

/** The error of request content that ended early. */
export const requestContentError = (cause: Error): SluicewayError =>
  new SluicewayError('client_aborted', 'The client left during its request', { cause });

/** The error of a request that code before the proxy has destroyed. Leaving an iteration over it does that too. */
export function destroyedEarly(request: Readable): SluicewayError {
  const message = 'The request was destroyed before the proxy got it';
  return new SluicewayError('proxy_configuration_error', message, { cause: request.errored ?? undefined });
}

/** The error if other code, such as a framework's timeout, has answered the request meanwhile. */
export const answeredElsewhere = (): SluicewayError =>
  new SluicewayError('proxy_configuration_error', 'Something else has answered the request');
