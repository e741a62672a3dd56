import type { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { constants, type Http2SecureServer, type Http2Server, type Http2ServerResponse } from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import { superviseSessions } from '../../downstream/http2/http2-sessions.js';
import type { SessionLimits } from '../../downstream/http2/watched-session.js';
import { describeThrown } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import type { Handler } from '../messages/handler.js';
import { checkHandler } from './handler.js';

/** A server of `node:http`, `node:https` or `node:http2`. */
export type NodeServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** How long a kept connection may wait for its next request; longer than the 60 s of usual load balancers before us. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** Idle time of a client's connection before TCP probes whether the client is still there, as for origin servers. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** For a request head to arrive (slow-loris defence). */
const HEAD_TIMEOUT_MS = 60_000;

const SESSION_LIMITS: SessionLimits = {
  idleMs: KEEP_ALIVE_TIMEOUT_MS,
  lingerMs: 5000,
  lingerTotalMs: 30_000,
  tickMs: 2000,
};

/**
 * Serves a proxy, or what `stripPrefix` and `mount` make of proxies, on a server of `node:http`, `node:https` or
 * `node:http2` (with `allowHTTP1` for both): all requests, uploads whose client waits for `100 Continue`, upgrades,
 * WebSockets over HTTP/2. Sets the server's limits on purpose: no limit on the time of a whole request, which would
 * end long uploads (the proxy's own idle timeouts guard them), none on the number of fields, where Node would drop
 * the rest in silence (the proxy answers 431), and limits on HTTP/2 clients that flood. Turns TCP keep-alive on, after 60 s
 * of idle time, so that connections of clients that have vanished do not stay open. Throws an `OptionsError` for
 * what is no server or no handler.
 */
export function attach(server: NodeServer, handler: Handler): void {
  const check = new Checker('attach');
  const { on, address }: Partial<NodeServer> = server ?? {};
  if (typeof on !== 'function' || typeof address !== 'function')
    check.problem('server', 'must be a server of node:http, node:https or node:http2');
  checkHandler(check, 'proxy', handler);
  check.throwIfAny();
  Object.assign(server, {
    requestTimeout: 0,
    timeout: 0,
    headersTimeout: HEAD_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeadersCount: 0,
  });
  if (server.listening) tellListener(server, handler);
  server.on('listening', () => tellListener(server, handler));

  // One type for four kinds of server, whose own types list other events.
  const events: EventEmitter = server;
  // With TLS this is the connection below it.
  events.on('connection', (socket: Duplex) => {
    if (socket instanceof Socket) socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  });
  const serve = (request: ClientRequest, response: ClientResponse, awaitsContinue: boolean): void => {
    if (wasRefused(request)) return;
    guard(response, () => handler.handle(request, response, { awaitsContinue }));
  };
  events.on('request', (request: ClientRequest, response: ClientResponse) => serve(request, response, false));
  events.on('checkContinue', (request: ClientRequest, response: ClientResponse) =>
    serve(request, response, true),
  );
  events.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    guard(socket, () => handler.upgrade(request, socket, head));
  });
  // Without a listener Node closes the connection without a word. A CONNECT of HTTP/1 is answered like any other
  // method that is not served; in HTTP/2 it may ask for a WebSocket, and comes with a response.
  events.on('connect', (request: ClientRequest, answer: Duplex | Http2ServerResponse, head: Buffer) => {
    if ('stream' in request) serve(request, answer as Http2ServerResponse, false);
    else guard(answer, () => handler.upgrade(request, answer as Duplex, head));
  });
  if ('updateSettings' in server) {
    superviseSessions(server, SESSION_LIMITS);
    // Node's HTTP/2 server compares with regard to case. Whatever else is expected, nobody knows of.
    events.on('checkExpectation', (request: ClientRequest, response: ClientResponse) => {
      if (request.headers.expect?.toLowerCase() === '100-continue') serve(request, response, true);
      else Object.assign(response, { statusCode: 417 }).end();
    });
  }
}

/** A handler of the application's own may throw or reject, which ends its request and nothing else. */
export function guard(answer: { destroy(): unknown }, serve: () => unknown): void {
  try {
    Promise.resolve(serve()).catch((thrown: unknown) => giveUp(answer, thrown));
  } catch (thrown) {
    giveUp(answer, thrown);
  }
}

function giveUp(answer: { destroy(): unknown }, thrown: unknown): void {
  process.emitWarning(`A handler has failed: ${describeThrown(thrown)}`, 'SluicewayHandlerWarning');
  answer.destroy();
}

function tellListener(server: NodeServer, handler: Handler): void {
  const address = server.address();
  if (address !== null && typeof address === 'object') handler.listensOn?.(address.address, address.port);
}

/** The client was told that a stream has not been processed, and may be sent again (RFC 9113 section 8.7). */
const wasRefused = (request: ClientRequest): boolean =>
  'stream' in request && request.stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
