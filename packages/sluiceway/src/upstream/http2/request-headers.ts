import { type OutgoingHttpHeaders, sensitiveHeaders } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import { acceptsTrailers } from '../../http/hop-by-hop.js';
import { toHttp2Headers } from '../../http/http2-fields.js';
import { checkRequestLine, requestContentLength } from '../request-rules.js';
import type { TransportRequest } from '../transport.js';

/**
 * Never put into the compression tables: requests of different clients share a session, and from the size of what
 * is sent one could learn another's secret by trying (RFC 7541 section 7.1).
 */
const SECRETS = ['authorization', 'proxy-authorization', 'cookie'];

/**
 * Of a request's field section: twice what may come from a client. Where Node is given more than it may send, it ends
 * the session, with all the other requests on it.
 */
export const MAX_REQUEST_FIELDS_BYTES: number = 128 * 1024;

/**
 * The head of a request as Node's `http2` takes it. Node keeps the order of names and of the lines of a name, but has
 * lines of the same name follow each other.
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
  // Nothing else may be said in it (RFC 9113 section 8.2.2).
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
  throw new SluicewayError('http_request_error', `${bytes} bytes of request fields`, {
    status: 431,
    publicMessage: 'The request has too large fields.',
  });
}
