import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What hooks find as `request.context`: the request of the platform, Express or Fastify. Applications declare what
 * their guards and middleware add to it: `declare module 'sluiceway/nest' { interface NestRequest { user: User } }`.
 */
export interface NestRequest {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly ip?: string | undefined;
  /** As the client has sent it. */
  readonly originalUrl: string;
}

/** What `@Req()` gives on either platform, and what middleware is given. */
export type PlatformRequest =
  | IncomingMessage
  | { readonly raw: IncomingMessage; readonly originalUrl: string };
/** What `@Res()` gives on either platform, and what middleware is given. */
export type PlatformResponse = ServerResponse | { readonly raw: ServerResponse };
