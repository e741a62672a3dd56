import { createHmac, timingSafeEqual } from 'node:crypto';
import { pathForms } from '../net/path-forms.js';
import { Checker } from '../options/checker.js';
import type { Duration } from '../units.js';
import { invalidLink, wrongSignature } from './invalid-link.js';
import { decodeBase64Url, type KeyOptions, type KeyRing, type ResolvedKey, resolveKeys } from './keys.js';
import {
  checkLinkUse,
  type LinkConditions,
  readExpires,
  readSigned,
  resolveClientIp,
  resolveExpires,
  resolveMethods,
} from './link-conditions.js';
import type { AccessPolicy } from './policy.js';

/** Prefix of the signed text, so that a signature is not valid for anything else. */
const PREAMBLE = 'sluiceway-signed-url-v1\n';
const PREFIX_PREAMBLE = 'sluiceway-signed-prefix-v1\n';
const PARAMETER = 'signature=';
/** Separates the parts of the parameter: expiry, key id, methods, client, the length of a prefix, and signature. */
const SEPARATOR = '~';
const ANY_CLIENT = '*';

export interface SignedUrlOptions {
  keys: KeyOptions;
}

/** Conditions for the use of a signed URL. */
export interface SignedUrlConditions {
  /** When the URL expires: a date, or a time from now such as `'1h'`. At most ten years from now. */
  expires: Date | Duration;
  /**
   * Allowed methods, of letters and `-` only. Default GET and HEAD. A request with another method is refused with 405.
   */
  methods?: readonly string[];
  /**
   * Address or CIDR range from which the URL works. An IPv6 address covers its /64; write `/128` for a single address.
   * Default: any address.
   */
  clientIp?: string;
  /**
   * Permits every URL below a folder: the path of the signed URL, which ends with a slash and has no query. Append the
   * query of the result to each of these URLs, after their own query. Their queries are not signed. A path that a server
   * could read as one outside the folder is refused. Default false: only the signed URL itself.
   */
  prefix?: boolean;
}

/**
 * Signs a URL, or a path with an optional query, so that `signed` accepts it. Returns the URL in the form that browsers
 * send.
 */
export type UrlSigner = (url: string | URL, conditions: SignedUrlConditions) => string;

/**
 * Allows requests whose URL was signed with one of the keys by `createUrlSigner` and has not expired. Path and query
 * must be exactly as signed, or below a signed prefix. Host and scheme are not checked. The signature is removed from the query before hooks and
 * the origin server see it.
 *
 * Refuses with `link_invalid` 403, `link_expired` 410, `http_request_denied` 405 with `Allow`, or `link_client` 403. A
 * URL without a signature gets 403. Throws an `OptionsError` that lists every problem.
 */
export function signed(options: SignedUrlOptions): AccessPolicy {
  const keys = resolveSignedUrlOptions('signed', options);
  return ({ mountPath, path, query, method, forwarded }) => {
    const at = query === null ? -1 : startOfSignature(query);
    if (query === null || at < 0) return { allowed: false, status: 403, reason: 'the URL is not signed' };
    const conditions = readSignature(`${mountPath}${path}?${query}`, query.slice(at), keys);
    checkLinkUse(conditions, { method, clientAddress: forwarded.for });
    return { allowed: true, query: at === 0 ? null : query.slice(0, at - 1) };
  };
}

/** Throws an `OptionsError` that lists every problem. The returned function does the same. */
export function createUrlSigner(options: SignedUrlOptions): UrlSigner {
  const { first } = resolveSignedUrlOptions('createUrlSigner', options);
  return (url, conditions) => signUrl(url, conditions, first);
}

function resolveSignedUrlOptions(subject: string, options: SignedUrlOptions): KeyRing {
  const check = new Checker(subject);
  check.required('', options);
  if (options === undefined || !check.unknownKeys('', options, ['keys'])) check.throwIfAny();
  const keys = resolveKeys(check, 'keys', options.keys);
  check.throwIfAny();
  // `keys` is null only if there was a problem, which `throwIfAny` has thrown.
  return keys as KeyRing;
}

function signUrl(url: string | URL, given: SignedUrlConditions, key: ResolvedKey): string {
  const check = new Checker('sign');
  const text = check.parsed('url', url, '', normaliseUrl);
  check.required('url', url);
  check.required('', given);
  const { expires, methods, clientIp, prefix } = check.group('', given, [
    'expires',
    'methods',
    'clientIp',
    'prefix',
  ]);
  const isPrefix = check.boolean('prefix', prefix, false);
  const target = text.replace(/^[a-z]+:\/\/[^/]*/, '');
  if (isPrefix) check.parsed('url', target, '', checkFolder);
  const parts = [
    resolveExpires(check, expires, Date.now()),
    key.id,
    resolveSimpleMethods(check, methods).join(),
    resolveClientIp(check, clientIp) ?? ANY_CLIENT,
    ...(isPrefix ? [String(target.length)] : []),
  ];
  check.throwIfAny();
  const parameter = `${text.includes('?') ? '&' : '?'}${PARAMETER}${parts.join(SEPARATOR)}`;
  const preamble = isPrefix ? PREFIX_PREAMBLE : PREAMBLE;
  const signature = hmac(`${target}${parameter}`, key, preamble).toString('base64url');
  return `${text}${parameter}${SEPARATOR}${signature}`;
}

/** A folder that every server reads in the same way. Throws a `TypeError`. */
function checkFolder(path: string): void {
  if (!path.endsWith('/') || path.includes('?'))
    throw new TypeError('must end with a slash and have no query, to be a prefix');
  if (pathForms(path)?.length !== 1)
    throw new TypeError('must be readable in one way only, to be a prefix: without escapes and dot segments');
}

/** `target` ends with `parameter`, the last parameter of its query. */
function readSignature(target: string, parameter: string, keys: KeyRing): LinkConditions {
  const parts = parameter.slice(PARAMETER.length).split(SEPARATOR);
  const [expires = '', id = '', methods = '', client = ''] = parts;
  const given = parts.at(-1) ?? '';
  const signature = decodeBase64Url(given);
  if (parts.length < 5 || parts.length > 6 || signature === null)
    throw invalidLink('its signature is malformed');
  const key = keys.find(id);
  const unsigned = parameter.slice(0, -(SEPARATOR.length + given.length));
  const expected =
    parts.length === 5
      ? hmac(target.slice(0, -(SEPARATOR.length + given.length)), key, PREAMBLE)
      : hmac(`${readFolder(target, parts[4] ?? '')}?${unsigned}`, key, PREFIX_PREAMBLE);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw wrongSignature(key);
  const check = new Checker('link');
  return readSigned(check, () => ({
    expires: readExpires(check, /^[1-9][0-9]*$/.test(expires) ? Number(expires) : expires),
    methods: resolveSimpleMethods(check, methods.split(',')),
    clientIp: client === ANY_CLIENT ? null : resolveClientIp(check, client),
  }));
}

/** The beginning of a path, of `length` characters, if every server reads the path as one below it. */
function readFolder(target: string, length: string): string {
  const path = target.split('?', 1)[0] ?? '';
  const folder = /^[1-9][0-9]{0,4}$/.test(length) ? path.slice(0, Number(length)) : '';
  const forms = pathForms(path);
  const isBelow = forms?.every((form) => form.startsWith(folder.toLowerCase())) === true;
  if (!folder.endsWith('/') || !isBelow) throw invalidLink('the path may be outside of its prefix');
  return folder;
}

/** Returns where the signature parameter begins. Returns -1 if it is not the last parameter of the query. */
function startOfSignature(query: string): number {
  const at = query.lastIndexOf('&') + 1;
  return query.startsWith(PARAMETER, at) ? at : -1;
}

/** Accepts only methods that need no escaping and cannot be confused with the separators. */
function resolveSimpleMethods(check: Checker, given: unknown): readonly string[] {
  const methods = resolveMethods(check, given);
  if (methods.some((method) => !/^[A-Z-]*$/.test(method)))
    check.problem('methods', 'must consist of letters and hyphens');
  return methods;
}

/**
 * Normalizes a URL as browsers do before they send it. Otherwise the URL received would not be the one signed. The
 * fragment is removed.
 */
function normaliseUrl(url: string | URL): string {
  const text = String(url);
  const isPath = text.startsWith('/');
  if (!isPath && !/^https?:\/\//i.test(text))
    throw new TypeError('must be an http: or https: URL, or a path');
  if (text.startsWith('//')) throw new TypeError('must not begin with two slashes');
  let parsed: URL;
  try {
    parsed = new URL(text, 'http://url.invalid');
  } catch {
    throw new TypeError('must be a valid URL');
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw new TypeError('must not contain a user name or password');
  const { origin, pathname, search } = parsed;
  return `${isPath ? '' : origin}${pathname}${search}`;
}

const hmac = (target: string, key: ResolvedKey, preamble: string): Buffer =>
  createHmac('sha256', key.secret).update(preamble).update(target, 'latin1').digest();
