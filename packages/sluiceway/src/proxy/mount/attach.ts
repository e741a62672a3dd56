import type { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import {
  constants,
  type Http2SecureServer,
  type Http2Server,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type ConnectionError,
  reportSessionError,
  onConnectionError as watchConnectionErrors,
} from '../../downstream/connection-errors.js';
import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import { watchParseErrors } from '../../downstream/http1/http1-connection.js';
import { superviseSessions } from '../../downstream/http2/http2-sessions.js';
import type { SessionLimits } from '../../downstream/http2/watched-session.js';
import { describeThrown } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import type { Handler } from '../messages/handler.js';
import { checkHandler } from './handler.js';

/** A server of `node:http`, `node:https` or `node:http2`. */
export type NodeServer = HttpServer | HttpsServer | Http2Server | Http2SecureServer;

/** Options of `attach`. */
export interface AttachOptions {
  /**
   * Called for connections that fail before a request becomes a transfer: TLS handshakes, invalid requests, requests whose
   * head does not arrive in time, HTTP/2 sessions. For a log: observers do not see them. Clients that only leave are not
   * reported. If it throws, the process emits a warning. Default: none.
   */
  onConnectionError?: (error: ConnectionError) => void;
}

/** How long a kept connection may wait for its next request. Longer than the 60 s of common load balancers in front. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** Idle time of a client's connection before TCP keep-alive probes start, as for origin servers. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** Time for a request head to arrive, against slow-loris attacks. */
const HEAD_TIMEOUT_MS = 60_000;

const SESSION_LIMITS: SessionLimits = {
  idleMs: KEEP_ALIVE_TIMEOUT_MS,
  lingerMs: 5000,
  lingerTotalMs: 30_000,
  tickMs: 2000,
};

/**
 * Serves a proxy, or the result of `stripPrefix` or `mount`, on a server of `node:http`, `node:https` or `node:http2`
 * (with `allowHTTP1` for both): all requests, uploads whose client waits for `100 Continue`, upgrades, and WebSockets
 * over HTTP/2.
 *
 * Changes the server's settings: no time limit for a whole request, which would end long uploads (the proxy's idle
 * timeouts apply instead); no limit on the number of fields, beyond which Node silently drops fields (the proxy answers
 * 431); limits against flooding by HTTP/2 clients; and TCP keep-alive after 60 s of idle time, so that connections of
 * vanished clients close. To change them, set them after calling `attach`.
 *
 * Throws an `OptionsError` if the arguments are not a server, a handler and options.
 */
export function attach(server: NodeServer, handler: Handler, options: AttachOptions = {}): void {
  const check = new Checker('attach');
  const { on, address }: Partial<NodeServer> = server ?? {};
  if (typeof on !== 'function' || typeof address !== 'function')
    check.problem('server', 'must be a server of node:http, node:https or node:http2');
  checkHandler(check, 'proxy', handler);
  check.unknownKeys('options', options, ['onConnectionError']);
  const { onConnectionError } = options ?? {};
  check.func('options.onConnectionError', onConnectionError, undefined);
  check.throwIfAny();
  Object.assign(server, {
    requestTimeout: 0,
    timeout: 0,
    headersTimeout: HEAD_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeadersCount: 0,
  });
  if (onConnectionError !== undefined) {
    watchConnectionErrors(server, onConnectionError);
    watchParseErrors(server);
  }
  if (server.listening) tellListener(server, handler);
  server.on('listening', () => tellListener(server, handler));

  // A common type for the four kinds of server, whose own types list different events.
  const events: EventEmitter = server;
  // With TLS, this is the connection below it.
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
  // Without a listener, Node closes the connection without an answer. An HTTP/1 CONNECT is answered like any other
  // method that is not served. In HTTP/2, it can request a WebSocket and comes with a response.
  events.on('connect', (request: ClientRequest, answer: Duplex | Http2ServerResponse, head: Buffer) => {
    if ('stream' in request) serve(request, answer as Http2ServerResponse, false);
    else guard(answer, () => handler.upgrade(request, answer as Duplex, head));
  });
  if ('updateSettings' in server) {
    if (onConnectionError !== undefined) watchSessionErrors(events);
    superviseSessions(server, SESSION_LIMITS);
    // Node's HTTP/2 server compares case-sensitively. No other expectation is defined.
    events.on('checkExpectation', (request: ClientRequest, response: ClientResponse) => {
      if (request.headers.expect?.toLowerCase() === '100-continue') serve(request, response, true);
      else Object.assign(response, { statusCode: 417 }).end();
    });
  }
}

function watchSessionErrors(server: EventEmitter): void {
  server.on('session', (session: ServerHttp2Session) => {
    const { remoteAddress = null } = session.socket;
    session.on('error', (error: Error) => reportSessionError(server, error, remoteAddress));
  });
}

/** An application's own handler may throw or reject. That ends only its request. */
export function guard(answer: { destroy(): unknown }, serve: () => unknown): void {
  try {
    Promise.resolve(serve()).catch((thrown: unknown) => giveUp(answer, thrown));
  } catch (thrown) {
    giveUp(answer, thrown);
  }
}

function giveUp(answer: { destroy(): unknown }, thrown: unknown): void {
  process.emitWarning(`A handler failed: ${describeThrown(thrown)}`, 'SluicewayHandlerWarning');
  answer.destroy();
}

function tellListener(server: NodeServer, handler: Handler): void {
  const address = server.address();
  if (address !== null && typeof address === 'object') handler.listensOn?.(address.address, address.port);
}

/** The client was told that the stream was not processed. It may send the request again (RFC 9113 section 8.7). */
const wasRefused = (request: ClientRequest): boolean =>
  'stream' in request && request.stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
