import { createHash } from 'node:crypto';
import { invalidLink } from '../access/invalid-link.js';
import type { KeyRing } from '../access/keys.js';
import { checkLinkUse, type LinkUse } from '../access/link-conditions.js';
import { Checker, OptionsError } from '../options/checker.js';
import { resolve } from '../options/spec.js';
import { decryptGrant, encryptGrant } from './encrypted-token.js';
import { type Grant, type GrantOptions, resolveGrant } from './grant.js';
import { type LinkOptions, type LinkValues, linkOptions } from './link-options.js';
import { readSignedGrant, signGrant } from './signed-query.js';

/** A link that one of the keys has signed. */
export interface VerifiedLink {
  grant: Grant;
  /** The id of the key. */
  key: string;
  /** The same for every use of a link. It reveals nothing about the link. */
  id: string;
}

/** Creates and verifies links. */
export interface Links {
  /**
   * Creates a link. Throws an `OptionsError` that lists every problem of the grant. A link of more than 8,000
   * characters is refused, because some intermediaries do not pass it on (RFC 9110 section 4.1).
   */
  sign(grant: GrantOptions): string;
  /**
   * Returns what a link, or its path and query, permits. Makes no DNS lookup and no connection. Throws a
   * `SluicewayError`:
   *
   * - `link_invalid` 403: the link is not byte for byte one that was signed with one of the keys;
   * - `link_expired` 410;
   * - `http_request_denied` 405 with `Allow`: another method;
   * - `link_client` 403: another client.
   */
  verify(link: string | URL, use: LinkUse): VerifiedLink;
  /**
   * Like `verify`, for any client and for an expired link: for showing what a link contains. Throws only
   * `link_invalid`.
   */
  read(link: string | URL): VerifiedLink;
  /** Reads the keys again; see `Gateway.reloadKeys`. */
  reloadKeys(): void;
}

const MAX_LINK_LENGTH = 8000;
const ENCRYPTED = 'link=';

/** Throws an `OptionsError` that lists every problem. */
export function createLinks(options: LinkOptions): Links {
  const check = new Checker('createLinks');
  check.required('', options);
  if (options === undefined) check.throwIfAny();
  const { keys, ...place } = resolve(linkOptions, options, check);
  check.throwIfAny();
  // `keys` is null only if there was a problem, which has been thrown.
  return makeLinks(keys as KeyRing, place);
}

/** Creates `Links` from checked values. */
export const makeLinks = (keys: KeyRing, place: Omit<LinkValues, 'keys'>): Links =>
  new KeyedLinks(keys, place);

class KeyedLinks implements Links {
  readonly #keys: KeyRing;
  readonly #base: string;
  readonly #path: string;
  readonly #form: 'encrypted' | 'signed';

  constructor(keys: KeyRing, place: Omit<LinkValues, 'keys'>) {
    this.#keys = keys;
    this.#base = place.base ?? '';
    this.#path = place.path;
    this.#form = place.form;
  }

  sign(options: GrantOptions): string {
    const isSigned = this.#form === 'signed';
    const grant = resolveGrant(options, isSigned);
    const { first } = this.#keys;
    const query = isSigned ? signGrant(grant, first) : `${ENCRYPTED}${encryptGrant(grant, first)}`;
    const link = `${this.#base}${this.#pathTo(grant)}?${query}`;
    if (link.length <= MAX_LINK_LENGTH) return link;
    const message = `make a link of ${link.length} characters; some intermediaries pass at most ${MAX_LINK_LENGTH}`;
    throw new OptionsError('sign', [{ path: '', message }]);
  }

  verify(link: string | URL, use: LinkUse): VerifiedLink {
    const verified = this.read(link);
    checkLinkUse(verified.grant, use);
    return verified;
  }

  read(link: string | URL): VerifiedLink {
    const text = typeof link === 'string' ? link : link.href;
    if (text.length > MAX_LINK_LENGTH) throw invalidLink(`it is longer than ${MAX_LINK_LENGTH} characters`);
    const question = text.indexOf('?');
    if (question < 0) throw invalidLink('it has no query');
    const query = text.slice(question + 1);
    const signed = query.startsWith(ENCRYPTED)
      ? decryptGrant(query.slice(ENCRYPTED.length), this.#keys)
      : readSignedGrant(query, this.#keys);
    return { ...signed, id: createHash('sha256').update(query).digest('base64url').slice(0, 22) };
  }

  reloadKeys(): void {
    this.#keys.reload();
  }

  /**
   * Returns the path with the file name as its last part, which tools such as wget use as the name. The signature does
   * not cover it.
   */
  #pathTo({ filename }: Grant): string {
    if (filename === null) return this.#path === '' ? '/' : this.#path;
    return `${this.#path}/${encodeURIComponent(filename.replace(/^\.+$/, '_'))}`;
  }
}
