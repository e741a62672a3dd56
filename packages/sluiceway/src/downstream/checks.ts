import type { Readable } from 'node:stream';
import { SluicewayError } from '../errors.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { ResponseHead } from './exchange.js';

/** Node keeps about a thousand field lines and drops the rest unseen, so that many cannot be trusted to be all. */
const MAX_FIELDS = 1000;

export function checkFieldCount(fields: ReadonlyFields): void {
  if (fields.size < MAX_FIELDS) return;
  throw new SluicewayError('http_request_error', `More than ${MAX_FIELDS} field lines`, {
    status: 431,
    publicMessage: 'The request has too many fields.',
  });
}

/** Throws for what a hook has made no final response of. */
export function checkFinalStatus(head: ResponseHead): void {
  if (head.status < 200) throw new TypeError(`A response needs a final status, not ${head.status}`);
}

/** What request content that ended before its end failed with. */
export const requestContentError = (cause: Error): SluicewayError =>
  new SluicewayError('client_aborted', 'The client left during its request', { cause });

/** For a request that somebody before the proxy has destroyed, or left an iteration over, which does the same. */
export function destroyedEarly(request: Readable): SluicewayError {
  const message = 'The request was destroyed before the proxy got it';
  return new SluicewayError('proxy_configuration_error', message, { cause: request.errored ?? undefined });
}

/** Somebody else has answered the request meanwhile, such as a framework's timeout. */
export const answeredElsewhere = (): SluicewayError =>
  new SluicewayError('proxy_configuration_error', 'Something else has answered the request');
