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
      path: request.url,
      method: request.method,
      headers: endToEnd(request.rawHeaders),
      body: hasContent(request) ? request : null,
    },
    {
      onRequestStart: (/** @type {any} */ given) => (controller = given),
      onResponseStart(/** @type {any} */ { rawHeaders }, /** @type {number} */ statusCode) {
        response.writeHead(statusCode, endToEnd(rawHeaders.map(String)));
      },
      onResponseData(/** @type {any} */ given, /** @type {Buffer} */ chunk) {
        if (!response.write(chunk)) given.pause();
      },
      onResponseEnd: () => response.end(),
      onResponseError: () => response.destroy(),
    },
  );
});
