// @ts-check
import { Agent } from 'undici';
import { endToEnd, hasContent, origin, serve, undiciOptions } from './server.mjs';

const dispatcher = new Agent(undiciOptions);

serve((request, response) => {
  /** @type {{ abort(error: Error): void, pause(): void, resume(): void } | undefined} */
  let controller;
  response.on('drain', () => controller?.resume());
  response.on('close', () => {
    if (!response.writableFinished) controller?.abort(new Error('the client is gone'));
  });
  dispatcher.dispatch(
    {
      origin: origin.origin,
      path: /** @type {string} */ (request.url),
      method: /** @type {string} */ (request.method),
      headers: endToEnd(request.rawHeaders),
      body: hasContent(request) ? request : null,
    },
    {
      onRequestStart(given) {
        controller = given;
      },
      onResponseStart({ rawHeaders }, statusCode) {
        response.writeHead(statusCode, endToEnd(/** @type {Buffer[]} */ (rawHeaders).map(String)));
      },
      onResponseData(given, chunk) {
        if (!response.write(chunk)) given.pause();
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void response.destroy(),
    },
  );
});
