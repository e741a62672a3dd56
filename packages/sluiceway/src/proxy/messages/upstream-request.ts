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
  /** Where it was sent: the origin server, and the request-target. */
  readonly target: Readonly<Target>;
  /** Path and query, byte for byte. */
  readonly path: string;
  /** End-to-end fields, `Host` among them, without those that frame the message. */
  readonly headers: ReadonlyFields;
}

/** The request that will be sent to the origin server; everything of it may be changed until then. */
export class UpstreamRequestDraft {
  /** End-to-end fields, `Host` among them. Framing fields are set when the request is sent. */
  readonly headers: Fields;
  /**
   * Exact URLs of the same file on other servers, in the order in which they are asked where the target fails: before
   * the response head, or in the middle of the content. For GET and HEAD. Empty where nobody has named some.
   */
  mirrors: (string | URL | Target)[] = [];
  /**
   * Content to send in place of the client's, with its length; a string is sent as UTF-8. Fields that describe the
   * client's bytes (`Content-Encoding`, digests) are not changed. Default undefined: the client's content is sent.
   */
  content: string | Uint8Array | undefined;
  readonly #downstream: DownstreamRequest;
  readonly #extras: ForwardedExtras;
  #method: string;
  #target: Target | null = null;
  #joinedTo: BaseTarget | null = null;
  #digest: Digest | null = null;

  constructor(downstream: DownstreamRequest, fields: Fields, extras: ForwardedExtras) {
    this.#downstream = downstream;
    this.#extras = extras;
    this.#method = downstream.method;
    this.headers = fields;
  }

  get method(): string {
    return this.#method;
  }

  /** Throws a `TypeError` for what is no token. */
  set method(method: string) {
    if (!isToken(method)) throw new TypeError('A method must be a token');
    this.#method = method;
  }

  /** Where the request goes: the upstream, and the request-target as it will be sent. */
  get target(): Target {
    if (this.#target === null)
      throw new SluicewayError('proxy_internal_error', 'The request has no target yet');
    return this.#target;
  }

  /** What the content of a successful response must hash to; null: that is not known. */
  get digest(): Digest | null {
    return this.#digest;
  }

  /**
   * A response with other content is broken off before its end. Since a content coding would make other bytes, none is
   * asked for (`Accept-Encoding: identity`), unless the field is set again after this. Throws a `TypeError` for what is
   * neither `'sha256:<hex>'` nor a member of `Repr-Digest`, nor the same by SHA-512.
   */
  set digest(digest: string | Digest | null) {
    this.#digest = digest === null ? null : toDigest(digest);
    if (digest !== null) this.headers.set('Accept-Encoding', 'identity');
  }

  /** The URL to which the client's path was joined; null for an exact target. */
  get joinedTo(): BaseTarget | null {
    return this.#joinedTo;
  }

  /** Path and query, byte for byte. */
  get path(): string {
    return this.target.path;
  }

  /** Throws a `TypeError` for what cannot be a target in origin-form. */
  set path(path: string) {
    if (!/^[/*][\x21-\x7e\x80-\xff]*$/.test(path))
      throw new TypeError('A path must start with / and hold no spaces');
    this.#target = { base: this.target.base, path };
  }

  /**
   * Sends the request to another upstream: the client's path and query are joined to the URL's, and `Host`
   * becomes the URL's.
   */
  setTarget(url: string | URL): void {
    const upstream = parseBaseTarget(url);
    this.setExactTarget(joinToUpstream(this.#downstream, upstream), [], upstream);
  }

  /** Sends the request to exactly this target, and nowhere else but to the mirrors. `joinedTo`: see the property. */
  setExactTarget(target: Target, mirrors: readonly Target[] = [], joinedTo: BaseTarget | null = null): void {
    this.mirrors = [...mirrors];
    this.#target = target;
    this.#joinedTo = joinedTo;
    this.headers.set('Host', target.base.host);
  }

  /** Sets `X-Forwarded-For`, `-Host` and `-Proto`, and what `headers.forwarded` says, and continues a `Forwarded` of a trusted proxy. */
  setForwarded(): void {
    const { clientAddress, host, protocol, trusted } = this.#downstream;
    setForwardedFields(this.headers, { clientAddress, host, proto: protocol, trusted }, this.#extras);
  }
}
