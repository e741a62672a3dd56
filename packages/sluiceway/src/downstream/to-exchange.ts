import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { ClientExchange, ClientRequest, ClientResponse } from './exchange.js';
import { Http1Exchange } from './http1/http1-exchange.js';
import { Http2Exchange } from './http2/http2-exchange.js';

/**
 * Makes the exchange for a request and its response. The type of the request decides the version, and not its version
 * number: an HTTP/1 parser accepts requests that claim to be `HTTP/2.0`.
 */
export function toClientExchange(request: ClientRequest, response: ClientResponse): ClientExchange {
  if ('stream' in request) return new Http2Exchange(request, response as Http2ServerResponse);
  return new Http1Exchange(request, response as ServerResponse, null);
}
