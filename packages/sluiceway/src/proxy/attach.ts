import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Proxy } from './proxy.js';

/** How long a kept connection may wait for its next request; longer than the 60 s of usual load balancers before us. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** For a request head to arrive (slow-loris defence). */
const HEAD_TIMEOUT_MS = 60_000;

/**
 * Serves a proxy on a server of `node:http` or `node:https`: all requests, uploads whose client waits for
 * `100 Continue`, upgrades. Sets the server's limits on purpose: no limit on the time of a whole request, which
 * would end long uploads (the proxy's own idle timeouts guard them), and none on the number of fields, where Node
 * would drop the rest in silence (the proxy answers 431).
 */
export function attach(server: HttpServer | HttpsServer, proxy: Proxy): void {
  server.requestTimeout = 0;
  server.timeout = 0;
  server.headersTimeout = HEAD_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  server.maxHeadersCount = 0;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void proxy.handle(request, response).catch(() => response.destroy());
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    void proxy.handle(request, response, { awaitsContinue: true }).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void proxy.upgrade(request, socket, head);
  });
  // Without a listener Node closes the connection without a word. A CONNECT is answered like any other method
  // that is not served.
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void proxy.upgrade(request, socket, head);
  });
}
