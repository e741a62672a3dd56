// Beside nest-request.ts, because declarations of this file name Fastify, which applications on Express do not have.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownClient } from '../../proxy/messages/handle-context.js';
import { type ExpressRequest, findClient as findExpressClient } from '../express/express.js';
import { readClient } from '../fastify/fastify-reply.js';
import type { NestRequest, PlatformRequest, PlatformResponse } from './nest-request.js';

/** A request in a controller of the platform Fastify. */
export interface FastifyPair {
  request: FastifyRequest;
  reply: FastifyReply;
}

/** The pair of Fastify's; null where it is Node's, as on Express and in all middleware. */
export function toFastifyPair(request: PlatformRequest, response: PlatformResponse): FastifyPair | null {
  if (!('raw' in request) || !('raw' in response)) return null;
  // Nothing else of Nest's has raw ones in it.
  return { request: request as FastifyRequest, reply: response as FastifyReply };
}

export const toNodeRequest = (request: PlatformRequest): IncomingMessage =>
  'raw' in request ? request.raw : request;

export const toNodeResponse = (response: PlatformResponse): ServerResponse =>
  'raw' in response ? response.raw : response;

/** The target before any middleware has taken something off it. */
export function originalTarget(request: PlatformRequest): string {
  const { originalUrl, url }: { originalUrl?: string; url?: string } = request as Partial<NestRequest>;
  return originalUrl ?? url ?? toNodeRequest(request).url ?? '';
}

/** Middleware on the platform Fastify gets Node's request with what Fastify has found out. */
interface MiddieRequest extends IncomingMessage {
  ip: string;
  ips?: readonly string[];
  hostname: string;
  protocol: string;
}

/** The client by the word of proxies that the application trusts; null where it trusts nobody. */
export function findClient(request: PlatformRequest): KnownClient | null {
  if ('raw' in request) return readClient(request as FastifyRequest);
  if ('app' in request) return findExpressClient(request as unknown as ExpressRequest) ?? null;
  if (!('ips' in request) || request.ips === undefined) return null;
  const { ip, protocol, hostname, headers } = request as MiddieRequest;
  // Of which it has taken the port off.
  const forwarded = headers['x-forwarded-host']?.toString().split(',').at(-1)?.trim();
  const host = forwarded?.replace(/:\d+$/, '') === hostname ? forwarded : hostname;
  return {
    address: ip,
    ...(host !== '' && { host }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
  };
}
