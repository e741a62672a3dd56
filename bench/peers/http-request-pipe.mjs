// @ts-check
/** The dozen lines that stand in many an answer and many a blog. */
import { agent, clientOf, endToEnd, origin, readTimeoutMs, serve } from './server.mjs';

serve((request, response) => {
  const sent = clientOf(origin).request(
    new URL(/** @type {string} */ (request.url), origin),
    { agent, method: request.method, headers: request.headers, timeout: readTimeoutMs },
    (received) => {
      response.writeHead(/** @type {number} */ (received.statusCode), endToEnd(received.rawHeaders));
      received.pipe(response);
    },
  );
  sent.on('timeout', () => sent.destroy());
  sent.on('error', () => response.destroy());
  request.pipe(sent);
});
