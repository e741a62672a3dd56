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

/** A link that is one of ours. */
export interface VerifiedLink {
  grant: Grant;
  /** The id of the key that it was made with. */
  key: string;
  /** The same for each use of one link, and tells nothing of it. */
  id: string;
}

/** Makes links and checks them. */
export interface Links {
  /**
   * Throws an `OptionsError` with every problem of the grant, and for a link of more than 8,000 characters, which not
   * everything between here and the client would let through (RFC 9110 section 4.1).
   */
  sign(grant: GrantOptions): string;
  /**
   * What a link (or its path and query) permits. Throws a `SluicewayError`: `link_invalid` 403 for one that is not
   * ours to the letter, `link_expired` 410, `http_request_denied` 405 with `Allow` for another method, `link_client`
   * 403 for another client. Nothing is looked up or connected to before.
   */
  verify(link: string | URL, use: LinkUse): VerifiedLink;
  /**
   * As `verify`, whoever may use the link, and whether or not it has expired: to show what is in it. Throws only
   * `link_invalid`.
   */
  read(link: string | URL): VerifiedLink;
  /** Reads the keys again; see `Gateway.reloadKeys`. */
  reloadKeys(): void;
}

const MAX_LINK_LENGTH = 8000;
const ENCRYPTED = 'link=';

/** Throws an `OptionsError` with every problem. */
export function createLinks(options: LinkOptions): Links {
  const check = new Checker('createLinks');
  check.required('', options);
  if (options === undefined) check.throwIfAny();
  const { keys, ...place } = resolve(linkOptions, options, check);
  check.throwIfAny();
  // Without keys there was a problem.
  return makeLinks(keys as KeyRing, place);
}

/** Takes what has been checked. */
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
    const message = `make a link of ${link.length} characters, and more than ${MAX_LINK_LENGTH} do not get through everywhere`;
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

  /** Tools that go by the URL save the file under the last part of its path. It is not a part of what is signed. */
  #pathTo({ filename }: Grant): string {
    if (filename === null) return this.#path === '' ? '/' : this.#path;
    return `${this.#path}/${encodeURIComponent(filename.replace(/^\.+$/, '_'))}`;
  }
}
