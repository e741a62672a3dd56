import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * The type of `request.context` in hooks: the request of the platform, Express or Fastify. Declare what your guards and
 * middleware add: `declare module 'sluiceway/nest' { interface NestRequest { user: User } }`.
 */
export interface NestRequest {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly ip?: string | undefined;
  /** As the client has sent it. */
  readonly originalUrl: string;
}

/** The type of `@Req()` and of a middleware's request on either platform. */
export type PlatformRequest =
  | IncomingMessage
  | { readonly raw: IncomingMessage; readonly originalUrl: string };
/** The type of `@Res()` and of a middleware's response on either platform. */
export type PlatformResponse = ServerResponse | { readonly raw: ServerResponse };
