import { createServer, type Server } from 'node:http';
import { libraryFiles } from './library.js';
import { paced } from './paced.js';
import { seededViews } from './seeded-content.js';
import { sendFile } from './send-file.js';

const lastModified = 'Wed, 01 Jan 2025 00:00:00 GMT';

/** How often one of the servers breaks, and for how long it is gone. */
const BREAK_INTERVAL_MS = 9000;
const OUTAGE_MS = 1500;

/**
 * A server of the demonstration's library. Two of them have the same files, so a download that one breaks off continues at the
 * other. It sends slowly, and takes uploads to throw them away.
 */
export function createLibraryOrigin(): Server {
  return createServer((request, response) => {
    const name = /^\/library\/([^/?]+)$/.exec(request.url ?? '')?.[1] ?? '';
    const file = libraryFiles.find((each) => each.name === name);
    if (request.method === 'PUT') {
      request.resume().once('end', () => response.writeHead(201).end());
    } else if (file === undefined) {
      const status = request.url === '/' ? 200 : 404;
      response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${libraryFiles.length} files\n`);
    } else {
      const { size, rate, hasValidators } = file;
      sendFile(request, response, {
        size,
        contentType: 'application/octet-stream',
        validators: hasValidators ? { etag: `"library-${size}"`, lastModified } : null,
        read: (start, end) => paced(seededViews(name, start, end - start), rate),
        // The client has left, or the server breaks.
      }).catch((error: unknown) => response.destroy(error as Error));
    }
  });
}

/** Makes the servers break in turn: one of them cuts its connections, and accepts none for a moment. */
export function makeUnsteady(servers: readonly Server[]): void {
  const gone = new Set<Server>();
  for (const server of servers)
    server.on('connection', (socket) => {
      if (gone.has(server)) socket.destroy();
    });
  let turn = 0;
  setInterval(() => {
    const server = servers[turn++ % servers.length];
    if (server === undefined) return;
    gone.add(server);
    server.closeAllConnections();
    setTimeout(() => gone.delete(server), OUTAGE_MS).unref();
  }, BREAK_INTERVAL_MS).unref();
}
