// @ts-check
import { once } from 'node:events';

/**
 * Listens on a free port of the loopback.
 *
 * @param {import('node:http').Server} server
 * @returns {Promise<string>} its URL
 */
export async function listen(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return `http://127.0.0.1:${address.port}`;
}
