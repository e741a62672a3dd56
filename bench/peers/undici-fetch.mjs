// @ts-check
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, fetch } from 'undici';
import { endToEnd, hasContent, origin, serve, undiciOptions } from './server.mjs';

const dispatcher = new Agent(undiciOptions);

/** Fields that are no longer true of content which `fetch` has decoded. */
const ofCodedContent = new Set(['content-encoding', 'content-length']);

serve((request, response) => {
  fetch(new URL(/** @type {string} */ (request.url), origin), {
    dispatcher,
    method: request.method ?? 'GET',
    headers: Object.fromEntries(pairs(endToEnd(request.rawHeaders))),
    redirect: 'manual',
    ...(hasContent(request) && { body: request, duplex: 'half' }),
  })
    .then(async (received) => {
      const decoded = received.headers.has('content-encoding');
      const fields = [...received.headers].filter(([name]) => !decoded || !ofCodedContent.has(name));
      response.writeHead(received.status, endToEnd(fields.flat()));
      if (received.body === null) response.end();
      else await pipeline(Readable.fromWeb(/** @type {any} */ (received.body)), response);
    })
    .catch(() => response.destroy());
});

/** @param {readonly string[]} fields */
function pairs(fields) {
  return fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? '']] : []));
}
