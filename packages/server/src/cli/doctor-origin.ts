import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createEchoOrigin } from '../doctor/origin/echo-origin.js';
import { isInherited, parseListenAddress, toListenError } from '../listeners/address.js';
import { say } from './output.js';
import { readFlag } from './usage-error.js';

/** Serves the echo origin, and says how to use it. Throws a `UsageError` or a `ListenError`. */
export async function startOrigin(listen: string, isAlone: boolean): Promise<{ close(): Promise<void> }> {
  const address = readFlag('--listen', () => {
    const parsed = parseListenAddress(listen);
    if (isInherited(parsed) || 'path' in parsed)
      throw new RangeError('must be host:port, [address]:port or :port');
    return parsed;
  });
  const server = createEchoOrigin();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(toListenError(error, address)));
    server.listen({ port: address.port, ...(address.host !== '' && { host: address.host }) }, resolve);
  });
  const { address: host, port, family } = server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
  if (isAlone) {
    say(`echo origin listening on ${url}, for as long as this runs`);
    say('point the last proxy of the chain at it, and run: sluiceway doctor <the URL that clients use>');
  }
  return { close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
