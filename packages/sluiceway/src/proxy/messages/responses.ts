import type { Readable } from 'node:stream';
import type { Fields, ReadonlyFields } from '../../http/fields.js';

/** A response of the application's own, sent instead of an origin server's. */
export interface Answer {
  status: number;
  /** Default: the registered phrase of the status. */
  statusText?: string;
  /** Field values by name; several lines of one name as a list. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A string is sent as UTF-8. Default: no content. */
  content?: string | Uint8Array | Readable;
}

/** Names an upstream for this request: an http: or https: URL, whose path and query are joined to the request's. */
export interface UpstreamChoice {
  upstream: string | URL;
}

/** The response of the origin server as received, without its hop-by-hop fields. */
export interface UpstreamResponse {
  readonly status: number;
  readonly statusText: string;
  readonly httpVersion: string;
  readonly headers: ReadonlyFields;
  /** Bytes of content, or null where only the end tells. */
  readonly contentLength: number | null;
}

/** The head that the client will get, mutable until it is sent. */
export interface DownstreamResponseDraft {
  status: number;
  statusText: string;
  readonly headers: Fields;
  /**
   * Replaces the content; the origin server's is given up. Length, validators, digests and ranges of the old
   * content are removed. Default undefined: the origin server's content is relayed.
   */
  content: string | Uint8Array | Readable | undefined;
}
