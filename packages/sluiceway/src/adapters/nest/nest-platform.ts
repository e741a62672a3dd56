// Separate from nest-request.ts, because these declarations use Fastify, which applications on Express do not install.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownClient } from '../../proxy/messages/handle-context.js';
import { type ExpressRequest, findClient as findExpressClient } from '../express/express.js';
import { readClient } from '../fastify/fastify-reply.js';
import type { NestRequest, PlatformRequest, PlatformResponse } from './nest-request.js';

/** A request in a controller on the platform Fastify. */
export interface FastifyPair {
  request: FastifyRequest;
  reply: FastifyReply;
}

/** Returns Fastify's pair. Null if it is Node's, as on Express and in all middleware. */
export function toFastifyPair(request: PlatformRequest, response: PlatformResponse): FastifyPair | null {
  if (!('raw' in request) || !('raw' in response)) return null;
  // No other Nest objects have a `raw` member.
  return { request: request as FastifyRequest, reply: response as FastifyReply };
}

export const toNodeRequest = (request: PlatformRequest): IncomingMessage =>
  'raw' in request ? request.raw : request;

export const toNodeResponse = (response: PlatformResponse): ServerResponse =>
  'raw' in response ? response.raw : response;

/** Returns the target before middleware has changed it. */
export function originalTarget(request: PlatformRequest): string {
  const { originalUrl, url }: { originalUrl?: string; url?: string } = request as Partial<NestRequest>;
  return originalUrl ?? url ?? toNodeRequest(request).url ?? '';
}

/** Middleware on the platform Fastify gets Node's request with Fastify's additions. */
interface MiddieRequest extends IncomingMessage {
  ip: string;
  ips?: readonly string[];
  hostname: string;
  protocol: string;
}

/** Returns the client as trusted proxies report it. Null if the application trusts none. */
export function findClient(request: PlatformRequest): KnownClient | null {
  if ('raw' in request) return readClient(request as FastifyRequest);
  if ('app' in request) return findExpressClient(request as unknown as ExpressRequest) ?? null;
  if (!('ips' in request) || request.ips === undefined) return null;
  const { ip, protocol, hostname, headers } = request as MiddieRequest;
  // Its port has been removed.
  const forwarded = headers['x-forwarded-host']?.toString().split(',').at(-1)?.trim();
  const host = forwarded?.replace(/:\d+$/, '') === hostname ? forwarded : hostname;
  return {
    address: ip,
    ...(host !== '' && { host }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
  };
}
