// @ts-check
/** The same with `pipeline`, which passes a failure on. */
import { pipeline } from 'node:stream';
import { agent, clientOf, endToEnd, origin, readTimeoutMs, serve } from './server.mjs';

serve((request, response) => {
  const sent = clientOf(origin).request(
    new URL(/** @type {string} */ (request.url), origin),
    { agent, method: request.method, headers: request.headers, timeout: readTimeoutMs },
    (received) => {
      response.writeHead(/** @type {number} */ (received.statusCode), endToEnd(received.rawHeaders));
      pipeline(received, response, () => {});
    },
  );
  sent.on('timeout', () => sent.destroy());
  sent.on('error', () => response.destroy());
  pipeline(request, sent, () => {});
});
