import type { Readable } from 'node:stream';
import type { AccessRequest, Answer } from 'sluiceway';
import type { EndpointDescription } from './describe.js';

/** A request to the admin listener, after all checks. */
export interface AdminRequest {
  /** The values of `{name}` segments of the endpoint's path, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: AccessRequest;
}

/** One method of one path of the admin listener. */
export interface Endpoint {
  /** `GET` also serves HEAD. Anything that changes state is a `POST`: see `checkCrossSite`. */
  readonly method: 'GET' | 'POST';
  /** The whole path. A segment `{name}` matches any one segment, and becomes a parameter. */
  readonly path: string;
  /** For `/api/openapi.json`. Without it, the endpoint is no part of the API. */
  readonly description?: EndpointDescription;
  /** Content may be a stream, such as server-sent events, which is destroyed when the client disconnects. */
  answer(request: AdminRequest): Answer | Promise<Answer>;
}

/** An answer in JSON. */
export const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  content: `${JSON.stringify(value, null, 2)}\n`,
});

/** An answer in any other media type. */
export const text = (status: number, type: string, content: string | Readable): Answer => ({
  status,
  headers: { 'Content-Type': type },
  content,
});
