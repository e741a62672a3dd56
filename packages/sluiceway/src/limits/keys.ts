import { createHash } from 'node:crypto';
import type { AccessRequest } from '../access/policy.js';
import { clientKey } from '../net/client-key.js';

/** The client's request, for functions of rules. */
export interface LimitedRequest extends AccessRequest {
  /** The identity that the `access` policy found. Null if there is none. */
  readonly identity: string | null;
  /** The `context` that the application passed to `handle`. */
  readonly context: unknown;
}

/** Returns the key of a request as text, or null if the rule does not apply. */
export type KeyFunction = (request: LimitedRequest) => string | null;

export type LimitBy =
  | 'client'
  | 'identity'
  | 'link'
  | 'route'
  | 'upstream'
  | 'all'
  | { readonly header: string }
  | KeyFunction;

/** What is known of a request once its target is selected, or its link is read. Null before. */
export interface LimitTarget {
  /** Id of the signed link. Null without one. */
  readonly link: string | null;
  /** Bytes per second that the link permits for all its downloads together. Null or absent: any number. */
  readonly linkRate?: number | null;
  /** Host and port of the origin server. */
  readonly upstream: string;
}

/** Longer keys are replaced by their hash, so that clients cannot fill the memory with them. */
const MAX_KEY_LENGTH = 128;

/** The steps of a request at which rules are asked, in their order. */
export const STAGES = {
  none: 0,
  /** The client's request is read. */
  request: 1,
  /** A gateway has read the link, and decided that it permits the request. */
  link: 2,
  /** The target is selected. */
  target: 3,
} as const;

/** One of `STAGES`. */
export type Stage = (typeof STAGES)[keyof typeof STAGES];

/** The stage at which a key is known. */
export const stageOf = (by: LimitBy): Stage =>
  by === 'link' || by === 'upstream' ? STAGES.target : STAGES.request;

/** Whether a limit protects the server, and so a refusal is no fault of the client. */
export const isGlobal = (by: LimitBy): boolean => by === 'all' || by === 'route' || by === 'upstream';

/** The key of a request. Null: the rule does not apply to it. */
export function keyOf(
  by: LimitBy,
  ipv6Prefix: number,
  request: LimitedRequest,
  target: LimitTarget | null,
): string | null {
  if (typeof by === 'function') return toKey(callFunction(by, request));
  if (typeof by === 'object') return toKey(request.headers.getAll(by.header).join(', ') || null);
  switch (by) {
    case 'client':
      return clientKey(request.forwarded.for, ipv6Prefix);
    case 'identity':
      return toKey(request.identity);
    case 'link':
      return toKey(target?.link ?? null);
    case 'upstream':
      return target === null ? null : toKey(target.upstream);
    case 'route':
    case 'all':
      return '*';
  }
}

/** Calls a function of the application. A promise is a mistake, and its rejection must not end the process. */
export function callFunction<T>(call: (request: LimitedRequest) => T, request: LimitedRequest): T {
  const result = call(request);
  if (result instanceof Promise) result.catch(() => {});
  return result;
}

/** Throws a `TypeError` for what a function of the application has returned by mistake. */
function toKey(key: string | null | undefined): string | null {
  if (key === null || key === undefined) return null;
  if (typeof key !== 'string')
    throw new TypeError(`The key of a limit must be text or null, not ${typeof key}`);
  if (key.length <= MAX_KEY_LENGTH) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}
