import { type OutgoingHttpHeaders, sensitiveHeaders } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import { acceptsTrailers } from '../../http/hop-by-hop.js';
import { toHttp2Headers } from '../../http/http2-fields.js';
import { checkRequestLine, requestContentLength } from '../request-rules.js';
import type { TransportRequest } from '../transport.js';

/**
 * Never put into the compression tables: requests of different clients share a session, and a client could guess
 * another's secret from the size of what is sent (RFC 7541 section 7.1).
 */
const SECRETS = ['authorization', 'proxy-authorization', 'cookie'];

/**
 * The limit for a request's field section: twice what a client can send. If Node gets more than it is allowed to send,
 * it ends the session with all requests on it.
 */
export const MAX_REQUEST_FIELDS_BYTES: number = 128 * 1024;

/**
 * Formats the head of a request for Node's `http2`. Node keeps the order of names and of the lines of a name, but groups
 * lines of the same name.
 */
export function formatRequestHeaders(request: TransportRequest): OutgoingHttpHeaders {
  checkRequestLine(request);
  checkSize(request);
  const { method, path, headers: fields, destination } = request;
  const headers: OutgoingHttpHeaders = toHttp2Headers(fields);
  const { host } = headers;
  if (typeof host !== 'string')
    throw new SluicewayError('http_request_error', 'The request needs exactly one Host field');
  delete headers['host'];
  // No other value is allowed (RFC 9113 section 8.2.2).
  if (acceptsTrailers(fields)) headers['te'] = 'trailers';
  else delete headers['te'];
  const length = requestContentLength(request);
  if (length !== null) headers['content-length'] = length;
  if (request.content !== null && request.expectContinue) headers['expect'] = '100-continue';
  headers[':method'] = method;
  headers[':scheme'] = destination.protocol.slice(0, -1);
  headers[':authority'] = host;
  headers[':path'] = path;
  return Object.assign(headers, { [sensitiveHeaders]: SECRETS });
}

function checkSize({ path, headers }: TransportRequest): void {
  let bytes = path.length;
  for (const text of headers.raw) bytes += text.length;
  if (bytes <= MAX_REQUEST_FIELDS_BYTES) return;
  throw new SluicewayError('http_request_error', `The request fields have ${bytes} bytes`, {
    status: 431,
    publicMessage: 'The header fields of the request are too large.',
  });
}
