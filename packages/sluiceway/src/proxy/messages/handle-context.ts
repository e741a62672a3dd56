import type { Digest } from '../../http/digest.js';
import type { Fields } from '../../http/fields.js';

/** The client of a request, as determined by an application or its framework. */
export interface KnownClient {
  /** Its address, without a port. Default: the peer's. */
  address?: string;
  /** The scheme by which it reached this server. Default: that of the connection. */
  protocol?: 'http' | 'https';
  /** The authority that it requested. Default: the request's own. */
  host?: string;
}

/** How a request reached the proxy, in addition to the request itself. */
export interface HandleContext<Context = unknown> {
  /** The client waits for `100 Continue`, which Node has not sent (a `checkContinue` event). Default false. */
  awaitsContinue?: boolean;
  /**
   * The request-target to use instead of the request's own, such as what `stripPrefix` leaves. In origin-form or
   * absolute-form. The request object stays unchanged. Default: the request's own.
   */
  target?: string;
  /** The path prefix that was removed, for responses that contain a URL of this server. Default none. */
  mountPath?: string;
  /**
   * The client requested exactly the mount path, without a slash after it: `/files` and not `/files/`. The upstream's
   * path is then requested without a slash after it. Default false.
   */
  isMountPoint?: boolean;
  /** The exact URL to request, instead of the upstream and the request's own path. Default: the upstream. */
  url?: string | URL;
  /**
   * With `url`: exact URLs of the same file on other servers. If a server fails, the next one is used, in this order.
   * Default none.
   */
  mirrors?: readonly (string | URL)[];
  /** Overrides the option `errors` for this request. */
  errors?: 'answer' | 'throw';
  /** The application's data for the request. Hooks get it as `request.context`. */
  context?: Context;
  /**
   * Overrides the data of the connection: the peer's address, the scheme and the host. Set it only from forwarding
   * fields that you trust: unchecked input of the client can forge an address. Default: the data of the connection.
   */
  client?: KnownClient;
  /**
   * Request content that has already been read. It is sent instead of the stream. Content that was read is decoded, so
   * the request's `Content-Encoding` and digests are not sent with it. Default: the request's stream.
   */
  content?: Uint8Array;
  /**
   * Called with the head of the final response, whether from the origin server or the proxy, immediately before it is
   * sent. Fields added here are sent unchanged. Not called for a tunnel.
   */
  onHead?: (head: { readonly status: number; readonly headers: Fields }) => void;
  /**
   * With `errors: 'throw'`: called immediately before a failure rejects, with the fields of the answer that the proxy
   * would have sent, without those that describe its content. Send them with the application's answer: it then has the
   * request id, `Retry-After`, the fields of `cors` and of the rules for responses. Not called for errors of the
   * arguments.
   */
  onThrow?: (failure: { readonly status: number; readonly headers: Fields }) => void;
  /**
   * The hash of the file: `'sha256:<hex>'` or a member of `Repr-Digest`, or the same with SHA-512. A response with
   * other content is aborted before its end. If the value is not a digest, the answer is 500. Default: not checked.
   */
  digest?: string | Digest;
  /**
   * Where the checksum file of the file is, as in `digests.sidecar`. If the value is not valid, the answer is 500.
   * Without effect if `digest` is given. Default: as `digests.sidecar` says.
   */
  digestSidecar?: string;
  /**
   * The length of the file in bytes, if the application knows it. A response without a length gets it, and is aborted if
   * its content has another length. If the value is not a whole number, the answer is 500. Default: not known.
   */
  size?: number;
}
