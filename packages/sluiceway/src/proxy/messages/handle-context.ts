import type { Digest } from '../../http/digest.js';
import type { Fields } from '../../http/fields.js';

/** Who a request comes from, as an application or its framework has found out. */
export interface KnownClient {
  /** Its address, without a port. Default: the peer's. */
  address?: string;
  /** What it has used to reach this server. Default: what the connection shows. */
  protocol?: 'http' | 'https';
  /** The authority that it asked for. Default: the request's own. */
  host?: string;
}

/** How a request reached the proxy, beside the request itself. */
export interface HandleContext<Context = unknown> {
  /** The client waits for `100 Continue`, and Node has not said it (a `checkContinue` event). Default false. */
  awaitsContinue?: boolean;
  /**
   * The request-target to go by in place of the request's own, which stays as it is: what `stripPrefix` has left of
   * it. In origin-form or absolute-form.
   */
  target?: string;
  /** The path prefix that was taken off, for responses that name a place on this server. Default none. */
  mountPath?: string;
  /**
   * The client asked for exactly the mount path, without a slash after it: `/files` and not `/files/`. The upstream's
   * path is then asked for as it is, without a slash after it. Default false.
   */
  isMountPoint?: boolean;
  /** The exact URL to ask for, in place of the upstream and the request's own path. */
  url?: string | URL;
  /** With `url`: exact URLs of the same file on other servers, asked in this order where the ones before fail. Default none. */
  mirrors?: readonly (string | URL)[];
  /** Takes the place of the option `errors` for this request. */
  errors?: 'answer' | 'throw';
  /** What the application knows of the request: hooks find it as `request.context`. */
  context?: Context;
  /**
   * Takes the place of what the connection shows: of the peer's address, the scheme and the host. Whoever gives it has
   * decided which forwarding fields are to be believed; it must not come from the client unchecked.
   */
  client?: KnownClient;
  /**
   * Request content that somebody has read already, given back: sent in place of the stream. Since whoever reads
   * content decodes it, the request's `Content-Encoding` and digests are not sent with it.
   */
  content?: Uint8Array;
  /**
   * Called with the head of the final response, whoever made it, right before it is sent: the last moment to add fields,
   * which go out as they are. Not called for a tunnel.
   */
  onHead?: (head: { readonly status: number; readonly headers: Fields }) => void;
  /**
   * What the file must hash to: `'sha256:<hex>'` or a member of `Repr-Digest`, or the same by SHA-512. A response with
   * other content is broken off before its end. What is no digest makes an answer 500. Default none.
   */
  digest?: string | Digest;
}
