import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import fastify50 from 'fastify50';
import { type FastifyMountOptions, sluiceway } from '../../src/fastify.js';
import type { ProxyOptions } from '../../src/index.js';
import type { Network } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

/** The oldest and the newest that are supported. */
export const VERSIONS: [version: string, make: typeof fastify][] = [
  ['5.0.0', fastify50],
  ['5.12.8', fastify],
];

export async function start(net: Network, app: FastifyInstance): Promise<number> {
  net.cleanup(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** Answers with the target of each request, and notes their heads. */
export function echo(heads: RequestHead[] = []): OriginScript {
  return respondWith((head) => {
    heads.push(head);
    return sized(head.target);
  });
}

/** An application with the plugin, and a client of it. */
interface Mounted {
  app: FastifyInstance;
  origin: RawOrigin;
  port: number;
  client: RawClient;
}

export async function mounted(
  net: Network,
  make: typeof fastify,
  script: OriginScript,
  options: FastifyMountOptions & ProxyOptions<FastifyRequest> & { prefix: string },
  around: (app: FastifyInstance) => unknown = () => {},
  server: FastifyServerOptions = {},
): Promise<Mounted> {
  const origin = await net.origin(script);
  const app = make(server);
  await around(app);
  await app.register(sluiceway, { upstream: origin.url, ...options });
  const port = await start(net, app);
  return { app, origin, port, client: await net.client(port) };
}
