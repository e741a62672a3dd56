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

/** What is known of a request once its target is selected. Null before. */
export interface LimitTarget {
  /** Id of the signed link. Null without one. */
  readonly link: string | null;
  /** Host and port of the origin server. */
  readonly upstream: string;
}

/** Longer keys are replaced by their hash, so that clients cannot fill the memory with them. */
const MAX_KEY_LENGTH = 128;

/** Whether the key is known only once the target is selected. */
export const needsTarget = (by: LimitBy): boolean => by === 'link' || by === 'upstream';

/** Whether a limit protects the server, and so a refusal is no fault of the client. */
export const isGlobal = (by: LimitBy): boolean => by === 'all' || by === 'route' || by === 'upstream';

/** The key of a request. Null: the rule does not apply to it. */
export function keyOf(
  by: LimitBy,
  ipv6Prefix: number,
  request: LimitedRequest,
  target: LimitTarget | null,
): string | null {
  if (typeof by === 'function') return toKey(by(request));
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

/** Throws a `TypeError` for what a function of the application has returned by mistake. */
function toKey(key: string | null | undefined): string | null {
  if (key === null || key === undefined) return null;
  if (typeof key !== 'string')
    throw new TypeError(`The key of a limit must be text or null, not ${typeof key}`);
  if (key.length <= MAX_KEY_LENGTH) return key;
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`;
}
