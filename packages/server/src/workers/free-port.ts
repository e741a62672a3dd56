import { createServer } from 'node:net';
import { type ListenAddress, ListenError, toListenError } from '../listeners/address.js';

/**
 * Finds a free port: all workers must listen on the same one, and Node gives each worker another one for port 0 if they do
 * not open their listeners in the same order.
 */
export function findFreePort(address: Extract<ListenAddress, { host: string }>): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(toListenError(error, address)));
    server.listen({ port: 0, ...(address.host !== '' && { host: address.host }), exclusive: true }, () => {
      const bound = server.address();
      server.close(() => {
        if (typeof bound === 'object' && bound !== null) resolve(bound.port);
        else reject(new ListenError(address, 'no port is free'));
      });
    });
  });
}
