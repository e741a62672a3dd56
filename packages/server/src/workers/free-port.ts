import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { type ListenAddress, toListenError } from '../listeners/address.js';

/** Below the ports that systems give to outgoing connections: one of these could take the port before the workers do. */
const FIRST_PORT = 10_240;
const PORTS = 20_000;
const ATTEMPTS = 100;

/** Another program has the port, or Windows has reserved it. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['EADDRINUSE', 'EACCES']);

/**
 * Finds a free port: all workers must listen on the same one, and Node gives each worker another one for port 0 if they do
 * not open their listeners in the same order.
 */
export async function findFreePort(address: Extract<ListenAddress, { host: string }>): Promise<number> {
  for (let left = ATTEMPTS; ; left -= 1) {
    const port = randomInt(FIRST_PORT, FIRST_PORT + PORTS);
    const error = await tryPort(address.host, port);
    if (error === null) return port;
    if (!TAKEN.has(error.code) || left === 1) throw toListenError(error, address);
  }
}

/** Returns why a server cannot listen on a port. Null: it can. */
function tryPort(host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const server = createServer().once('error', resolve);
    server.listen({ port, ...(host !== '' && { host }), exclusive: true }, () =>
      server.close(() => resolve(null)),
    );
  });
}
