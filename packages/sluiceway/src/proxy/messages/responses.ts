import type { Readable } from 'node:stream';
import type { Fields, ReadonlyFields } from '../../http/fields.js';
import type { UpstreamGroup } from '../../upstream/group/group.js';

/** A response of the application, sent instead of an origin server's. */
export interface Answer {
  status: number;
  /** Default: the registered phrase of the status. */
  statusText?: string;
  /** Field values by name. A list has several lines of one name. Default: none. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Content. A string is sent as UTF-8. Default: no content. */
  content?: string | Uint8Array | Readable;
}

/**
 * Chooses the upstream of a request: an http: or https: URL, or a group of servers. The request's path and query are
 * joined to it.
 */
export interface UpstreamChoice {
  upstream: string | URL | UpstreamGroup;
}

/** The response of the origin server as received, without its hop-by-hop fields. */
export interface UpstreamResponse {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: ReadonlyFields;
  /** Bytes of content. Null if the length is unknown until the end. */
  readonly contentLength: number | null;
}

/** The head that the client will get. It can be changed until it is sent. */
export interface DownstreamResponseDraft {
  status: number;
  statusText: string;
  readonly headers: Fields;
  /**
   * Replaces the content and discards the origin server's. Length, validators, digests and ranges of the old content
   * are removed. Default undefined: the origin server's content is relayed.
   */
  content: string | Uint8Array | Readable | undefined;
}
