import type { HandleContext, Handler, Outcome } from 'sluiceway';
import { unrouted } from './answers.js';
import { normalizeHost } from './host-pattern.js';
import type { RouteHandler } from './route-handler.js';
import type { RouteEntry, RouteQuery, RouteTable } from './route-table.js';

export interface Route extends RouteEntry {
  handler: RouteHandler;
  /** Whether it answers preflights (CORS), also for methods that it does not name. */
  answersPreflights: boolean;
}

type AnyRequest = Parameters<Handler['handle']>[0];

/** Passes each request to the most specific route for it. */
export class Router implements Handler {
  readonly #table: RouteTable<Route>;
  readonly #unrouted: RouteHandler;

  constructor(table: RouteTable<Route>, unroutedHandler: RouteHandler) {
    this.#table = table;
    this.#unrouted = unroutedHandler;
  }

  handle(
    request: AnyRequest,
    response: Parameters<Handler['handle']>[1],
    context?: HandleContext,
  ): Promise<Outcome> {
    const found = this.#find(request);
    if (found instanceof Error)
      return this.#unrouted.handle(request, response, { ...context, context: found });
    return found.handle(request, response, context);
  }

  upgrade(
    request: Parameters<Handler['upgrade']>[0],
    socket: Parameters<Handler['upgrade']>[1],
    head: Buffer,
    context?: HandleContext,
  ): Promise<Outcome> {
    const found = this.#find(request);
    if (found instanceof Error)
      return this.#unrouted.upgrade(request, socket, head, { ...context, context: found });
    return found.upgrade(request, socket, head, context);
  }

  /** A preflight belongs to the route of the request that it asks about, if that route has rules for it. */
  #findForPreflight(request: AnyRequest, query: RouteQuery): Route | null {
    const method = preflightedMethod(request);
    if (method === null) return null;
    const found = this.#table.find({ ...query, method });
    return typeof found === 'object' && 'route' in found && found.route.answersPreflights
      ? found.route
      : null;
  }

  #find(request: AnyRequest): RouteHandler | Error {
    const { only } = this.#table;
    if (only !== null) return only.handler;
    const query = readQuery(request);
    const wanted = this.#findForPreflight(request, query);
    if (wanted !== null) return wanted.handler;
    const found = this.#table.find(query);
    if (found === 'none' || found === 'ambiguous') return unrouted[found];
    return 'route' in found ? found.route.handler : unrouted.method(found.allow);
  }
}

/** The method of the request that a browser asks about (Fetch standard, CORS preflight). Null for any other request. */
function preflightedMethod({ method, headers }: AnyRequest): string | null {
  const wanted = headers['access-control-request-method'];
  return method === 'OPTIONS' && headers.origin !== undefined && typeof wanted === 'string' ? wanted : null;
}

/** Reads a request as the proxy of the route does: an absolute target replaces `Host` (RFC 9112 section 3.2.2). */
function readQuery({ url = '/', headers, method = 'GET' }: AnyRequest): RouteQuery {
  const [whole = '', absolute] = url.startsWith('/') ? [] : (/^https?:\/\/([^/?#]*)/i.exec(url) ?? []);
  const authority = absolute ?? headers[':authority'] ?? headers.host;
  const rest = url.slice(whole.length);
  const question = rest.indexOf('?');
  const path = question < 0 ? rest : rest.slice(0, question);
  return {
    host: typeof authority === 'string' ? normalizeHost(authority) : null,
    // `OPTIONS *` refers to the whole server.
    path: path.startsWith('/') ? path : '/',
    // A WebSocket over HTTP/2 (RFC 8441) corresponds to a GET with Upgrade over HTTP/1.1.
    method: method === 'CONNECT' && headers[':protocol'] !== undefined ? 'GET' : method,
  };
}
