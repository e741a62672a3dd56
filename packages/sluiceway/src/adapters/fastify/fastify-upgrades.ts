import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { takeOver } from '../../downstream/http1/http1-connection.js';
import { assignResponse } from '../../downstream/http1/http1-upgrade.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { guard } from '../../proxy/mount/attach.js';
import { logOutcome, readClient } from './fastify-reply.js';

const NOTHING = Buffer.alloc(0);

/** Upgrade requests with their raw socket that are passing through Fastify's hooks. */
const upgrades = new WeakMap<IncomingMessage, Duplex>();
/** For each server, the prefixes whose upgrades this plugin serves. */
const mounts = new WeakMap<object, ((path: string) => boolean)[]>();

/**
 * Sends upgrade requests through Fastify's router, so that all its hooks see them. If another listener handles upgrades
 * too (`@fastify/websocket`), only those are routed that `owns` accepts.
 */
export function routeUpgrades(app: FastifyInstance, owns: (path: string) => boolean): void {
  const { server } = app;
  const known = mounts.get(server);
  if (known !== undefined) {
    known.push(owns);
    return;
  }
  const owners = [owns];
  mounts.set(server, owners);
  server.on('upgrade', (request: IncomingMessage, duplex: Duplex, head: Buffer) => {
    const path = request.url ?? '';
    if (server.listenerCount('upgrade') > 1 && !owners.some((owner) => owner(path))) return;
    guard(duplex, () => routeUpgrade(app, request, duplex, head));
  });
}

async function routeUpgrade(
  app: FastifyInstance,
  request: IncomingMessage,
  duplex: Duplex,
  head: Buffer,
): Promise<void> {
  const { socket } = request;
  duplex.on('error', () => {});
  if (!(await takeOver(socket))) return;
  upgrades.set(request, duplex);
  app.routing(request, assignResponse(request, socket, head));
}

/** Serves a request that came through `routeUpgrades`. Returns false for any other. */
export async function serveUpgrade(
  handler: Handler<FastifyRequest>,
  request: FastifyRequest,
  reply: FastifyReply,
  context: HandleContext<FastifyRequest>,
): Promise<boolean> {
  const duplex = upgrades.get(request.raw);
  if (duplex === undefined) return false;
  const client = readClient(request);
  // The handler now owns the socket. It writes a response if the socket does not become a tunnel.
  reply.hijack();
  reply.raw.detachSocket(request.raw.socket);
  try {
    const outcome = await handler.upgrade(request.raw, duplex, NOTHING, {
      ...context,
      errors: 'answer',
      context: request,
      ...(client !== null && { client }),
    });
    logOutcome(request, outcome);
  } catch (error) {
    // Fastify only logs errors of a handler whose reply was hijacked.
    duplex.destroy();
    throw error;
  }
  return true;
}
