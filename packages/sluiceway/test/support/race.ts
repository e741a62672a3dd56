import { expect } from 'vitest';
import type { TestCertificate } from './certificates.js';
import type { Network } from './fixture.js';
import type { OriginConnection } from './raw-origin.js';
import { sized } from './through.js';

/** When an origin server closes a persistent connection, relative to the next request on it. */
const MOMENTS = ['with the response', 'a little later', 'as the request arrives', 'by a reset'] as const;

/** Serves some requests, then closes the connection at one of the moments. */
async function serveAFew(connection: OriginConnection): Promise<void> {
  const moment = MOMENTS[connection.index % MOMENTS.length];
  const count = 1 + (connection.index % 5);
  for (let i = 0; i < count; i += 1) {
    const { target } = await connection.readHead();
    await connection.write(sized(`answer to ${target}`));
  }
  if (moment === 'a little later') await new Promise((resolve) => setImmediate(resolve));
  if (moment === 'as the request arrives' || moment === 'by a reset') await connection.readHead();
  if (moment === 'by a reset') connection.reset();
  else connection.end();
}

/**
 * Sends `count` GET requests, several at a time, through a proxy to an origin server that closes persistent connections
 * at various moments. Fails unless every request gets its own answer.
 */
export async function runKeepAliveRace(
  net: Network,
  count: number,
  parallel = 8,
  certificate?: TestCertificate,
): Promise<void> {
  const origin = await net.origin(serveAFew, certificate && { tls: certificate });
  const tls = certificate && { tls: { ca: certificate.ca } };
  const running = await net.proxy({ upstream: { url: origin.url, ...tls } });
  let next = 0;
  const worker = async (): Promise<void> => {
    const client = await net.client(running);
    while (next < count) {
      const target = `/${next}`;
      next += 1;
      await client.get(target);
      const response = await client.readResponse();
      expect(`${response.head.status} ${response.content.toString()}`).toBe(`200 answer to ${target}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  expect((await running.records(count)).filter((record) => record.outcome !== 'completed')).toEqual([]);
  // Connections were reused, as otherwise there is no race, and were closed again and again.
  expect(origin.total).toBeLessThan(count);
  expect(origin.total).toBeGreaterThan(count / 10);
}
