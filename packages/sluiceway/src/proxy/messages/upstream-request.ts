import { SluicewayError } from '../../errors.js';
import { type Digest, toDigest } from '../../http/digest.js';
import { type Fields, isToken, type ReadonlyFields } from '../../http/fields.js';
import { type ForwardedExtras, setForwardedFields } from '../../http/forwarded.js';
import { type BaseTarget, parseBaseTarget } from '../../http/target.js';
import type { Target } from '../../upstream/target.js';
import type { DownstreamRequest } from './downstream-request.js';
import { joinToUpstream } from './selection.js';

/** The request as it was sent to the origin server. Read-only. */
export interface UpstreamRequest {
  readonly method: string;
  /** The origin server and the request-target. */
  readonly target: Readonly<Target>;
  /** Path and query, byte for byte. */
  readonly path: string;
  /** End-to-end fields with `Host`, without those that frame the message. */
  readonly headers: ReadonlyFields;
}

/** The request to the origin server. Everything in it can be changed until it is sent. */
export class UpstreamRequestDraft {
  /** End-to-end fields with `Host`. Framing fields are set when the request is sent. */
  readonly headers: Fields;
  /**
   * Exact URLs of the same file on other servers. If the target fails, before the response head or in the middle of the
   * content, the next one is used, in this order. For GET and HEAD. Empty by default.
   */
  mirrors: (string | URL | Target)[] = [];
  /**
   * Content to send instead of the client's, with its length. A string is sent as UTF-8. Fields that describe the
   * client's bytes (`Content-Encoding`, digests) are not changed. Default undefined: the client's content is sent.
   */
  content: string | Uint8Array | undefined;
  readonly #downstream: DownstreamRequest;
  readonly #extras: ForwardedExtras;
  #method: string;
  #target: Target | null = null;
  #joinedTo: BaseTarget | null = null;
  #digest: Digest | null = null;
  #size: number | null = null;

  constructor(downstream: DownstreamRequest, fields: Fields, extras: ForwardedExtras) {
    this.#downstream = downstream;
    this.#extras = extras;
    this.#method = downstream.method;
    this.headers = fields;
  }

  get method(): string {
    return this.#method;
  }

  /** Throws a `TypeError` if the method is not a token. */
  set method(method: string) {
    if (!isToken(method)) throw new TypeError('A method must be a token');
    this.#method = method;
  }

  /** The upstream and the request-target to send. */
  get target(): Target {
    if (this.#target === null)
      throw new SluicewayError('proxy_internal_error', 'The request has no target yet');
    return this.#target;
  }

  /** The hash that the content of a successful response must have. Null: not checked. */
  get digest(): Digest | null {
    return this.#digest;
  }

  /**
   * Sets the hash that the content must have. A response with other content is aborted before its end. A content coding
   * would change the bytes, so none is requested (`Accept-Encoding: identity`), unless you set the field again
   * afterwards. Throws a `TypeError` unless the value is `'sha256:<hex>'`, a member of `Repr-Digest`, or the same with
   * SHA-512.
   */
  set digest(digest: string | Digest | null) {
    this.#digest = digest === null ? null : toDigest(digest);
    if (digest !== null) this.headers.set('Accept-Encoding', 'identity');
  }

  /** The length of the file in bytes. Null: unknown. */
  get size(): number | null {
    return this.#size;
  }

  /**
   * Sets the length of the file, for GET and HEAD. A response to GET without a length then gets one, and is aborted if its
   * content has another; a successful response that announces another length is refused. A content coding would change
   * the length, so none is requested, as for `digest`. Throws a `TypeError` unless the value is a whole number.
   */
  set size(size: number | null) {
    if (size !== null && !(Number.isSafeInteger(size) && size >= 0))
      throw new TypeError('A size must be a whole number of bytes');
    this.#size = size;
    if (size !== null) this.headers.set('Accept-Encoding', 'identity');
  }

  /** The URL to which the client's path was joined. Null for an exact target. */
  get joinedTo(): BaseTarget | null {
    return this.#joinedTo;
  }

  /** Path and query, byte for byte. */
  get path(): string {
    return this.target.path;
  }

  /** Throws a `TypeError` if the value is not a target in origin-form. */
  set path(path: string) {
    if (!/^[/*][\x21-\x7e\x80-\xff]*$/.test(path))
      throw new TypeError('A path must start with / and must not contain spaces');
    this.#target = { base: this.target.base, path };
  }

  /**
   * Sends the request to another upstream: the client's path and query are joined to the URL's, and `Host` becomes the
   * URL's.
   */
  setTarget(url: string | URL): void {
    const upstream = parseBaseTarget(url);
    this.setExactTarget(joinToUpstream(this.#downstream, upstream), [], upstream);
  }

  /** Sends the request only to this exact target or the mirrors. `joinedTo`: see the property. */
  setExactTarget(target: Target, mirrors: readonly Target[] = [], joinedTo: BaseTarget | null = null): void {
    this.mirrors = [...mirrors];
    this.#target = target;
    this.#joinedTo = joinedTo;
    this.headers.set('Host', target.base.host);
  }

  /**
   * Sets `X-Forwarded-For`, `-Host`, `-Proto` and the fields that `headers.forwarded` selects, and appends to a trusted
   * proxy's `Forwarded`.
   */
  setForwarded(): void {
    const { clientAddress, host, protocol, trusted } = this.#downstream;
    setForwardedFields(this.headers, { clientAddress, host, proto: protocol, trusted }, this.#extras);
  }
}
