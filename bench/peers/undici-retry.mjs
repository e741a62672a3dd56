// @ts-check
import { Agent, RetryAgent, request as send } from 'undici';
import { endToEnd, hasContent, origin, serve, undiciOptions } from './server.mjs';

/** As it comes, but for pauses between its attempts that nobody wants to wait for. */
const dispatcher = new RetryAgent(new Agent(undiciOptions), { minTimeout: 50 });

serve((request, response) => {
  send(new URL(/** @type {string} */ (request.url), origin), {
    dispatcher,
    method: /** @type {string} */ (request.method),
    headers: endToEnd(request.rawHeaders),
    body: hasContent(request) ? request : null,
    responseHeaders: 'raw',
  }).then(
    (/** @type {any} */ { statusCode, headers, body }) => {
      response.writeHead(statusCode, endToEnd(headers));
      // Not `pipeline`, which takes a third of the small responses per second.
      body.on('error', () => response.destroy());
      response.on('close', () => body.destroy());
      body.pipe(response);
    },
    () => response.destroy(),
  );
});
