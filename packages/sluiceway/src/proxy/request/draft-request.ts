import { SluicewayError } from '../../errors.js';
import { appendCdnLoop } from '../../http/cdn-loop.js';
import { type Digest, toDigest } from '../../http/digest.js';
import { type Fields, isNamed, isToken } from '../../http/fields.js';
import { type ForwardedExtras, setForwardedFields } from '../../http/forwarded.js';
import { acceptsTrailers, isFramingField, removeHopByHop } from '../../http/hop-by-hop.js';
import { maxForwards } from '../../http/max-forwards.js';
import { type BaseTarget, joinTarget, parseBaseTarget } from '../../http/target.js';
import { announcedTrailers } from '../../http/trailers.js';
import { appendVia } from '../../http/via.js';
import type { Target } from '../../upstream/redirect-policy.js';
import type { Admission } from './validate-request.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { FieldSettings } from '../options/field-options.js';
import type { Profile } from '../options/profiles.js';

/** The request that will be sent to the origin server; everything of it may be changed until then. */
export class UpstreamRequestDraft {
  /** End-to-end fields, `Host` among them. Framing fields are set when the request is sent. */
  readonly fields: Fields;
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
    this.fields = fields;
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
    if (digest !== null) this.fields.set('Accept-Encoding', 'identity');
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
    this.joinTo(parseBaseTarget(url));
  }

  /** As `setTarget`, for URLs that are parsed already. */
  joinTo(base: BaseTarget, mirrors: readonly BaseTarget[] = []): void {
    const { path, query, isMountPoint } = this.#downstream;
    const joined = isMountPoint ? null : path;
    const join = (each: BaseTarget): Target => ({ base: each, path: joinTarget(each, joined, query) });
    this.aimAt(join(base), mirrors.map(join));
    this.#joinedTo = base;
  }

  /** Sends the request to exactly this target, and nowhere else but to the mirrors. */
  aimAt(target: Target, mirrors: readonly Target[] = []): void {
    this.mirrors = [...mirrors];
    this.#target = target;
    this.#joinedTo = null;
    this.fields.set('Host', target.base.host);
  }

  /** Sets `X-Forwarded-For`, `-Host` and `-Proto`, and what `fields.forwarded` says, and continues a `Forwarded` of a trusted proxy. */
  setForwarded(): void {
    const { clientAddress, host, protocol, trusted } = this.#downstream;
    setForwardedFields(this.fields, { clientAddress, host, proto: protocol, trusted }, this.#extras);
  }
}

const NOT_FORWARDED: FieldSettings['forwarded'] = { port: false, prefix: false };

/** Drafts the upstream request: what may pass of the client's, without what is meant for our connection only. */
export function draftUpstreamRequest(
  { downstream, consumed }: Pick<Admission, 'downstream' | 'consumed'>,
  profile: Profile,
  pseudonym: string,
  forwarded: FieldSettings['forwarded'] = NOT_FORWARDED,
): UpstreamRequestDraft {
  const fields = downstream.fields.clone();
  for (const name of consumed) fields.delete(name);
  const trailers = acceptsTrailers(downstream.fields);
  removeHopByHop(fields);
  const allowed = profile.requestFields;
  if (allowed === 'all') fields.retain((name) => !isOwnField(name));
  else fields.retain((name) => allowed.has(name.toLowerCase()));
  const { port, prefix } = forwarded;
  const extras = { port, prefix: prefix ? downstream.mountPath : null };
  const draft = new UpstreamRequestDraft(downstream, fields, extras);
  const forwards = maxForwards(downstream.method, fields);
  if (forwards !== null) fields.set('Max-Forwards', String(forwards - 1));
  if (profile.forwarded) {
    if (trailers) fields.append('TE', 'trailers');
    draft.setForwarded();
    appendVia(fields, downstream.httpVersion, pseudonym);
    appendCdnLoop(fields, pseudonym);
  }
  return draft;
}

/** Announces, with content that only its end delimits, the trailers that the client has announced. */
export function announceTrailers(draft: UpstreamRequestDraft, downstream: DownstreamRequest): void {
  if (downstream.fields.has('trailer')) draft.fields.set('Trailer', announcedTrailers(downstream.fields));
}

/**
 * Whether the client's content is sent on. Not where a hook has made a GET or HEAD of another method: content has no
 * meaning there, and servers that do not read it would take it for a request (RFC 9110 section 9.3.1).
 */
export function keepsContent(draft: UpstreamRequestDraft, downstream: DownstreamRequest): boolean {
  return draft.method === downstream.method || (draft.method !== 'GET' && draft.method !== 'HEAD');
}

/** After a hook: what frames the message or changes its protocol is ours, and is written when it is sent. */
export function mendRequest(draft: UpstreamRequestDraft): void {
  draft.fields.retain((name) => !isFramingField(name));
}

/**
 * Fields that are made anew for each request: the framing, and the expectation, which is ours to keep. `Host` is
 * too, but takes the place of the client's, which is the first one as a rule (RFC 9110 section 7.2).
 */
function isOwnField(name: string): boolean {
  return isNamed(name, 'content-length') || isNamed(name, 'expect');
}
