import { createHmac, timingSafeEqual } from 'node:crypto';
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

/** Starts what is signed, so that a signature can never be taken for one of something else. */
const PREAMBLE = 'sluiceway-signed-url-v1\n';
const PARAMETER = 'signature=';
/** Between the parts of the parameter: the end, the id of the key, methods, the client, the signature itself. */
const SEPARATOR = '~';
const ANY_CLIENT = '*';

export interface SignedUrlOptions {
  keys: KeyOptions;
}

/** How a URL that is signed may be used. */
export interface SignedUrlConditions {
  /** When the URL ends: a moment, or a time from now such as `'1h'`; at most ten years ahead. */
  expires: Date | Duration;
  /** Default GET and HEAD. Another is refused with 405. Of letters and `-` only. */
  methods?: readonly string[];
  /** Address or CIDR range from which the URL works. An IPv6 address stands for its /64, `/128` for one. Default: any. */
  clientIp?: string;
}

/** Makes a URL, or a path with a query, one that `signed` lets in; returns it as browsers spell it. */
export type UrlSigner = (url: string | URL, conditions: SignedUrlConditions) => string;

/**
 * Lets in requests whose URL is signed with one of the keys (`createUrlSigner` makes them), for as long as it says. Path
 * and query have to be to the letter what was signed; host and scheme are not looked at. The signature is taken off
 * the query before hooks and the origin server see it. Refuses with `link_invalid` 403, `link_expired` 410,
 * `http_request_denied` 405 with `Allow`, `link_client` 403; a URL without a signature with 403. Throws an
 * `OptionsError` with every problem.
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

/** Throws an `OptionsError` with every problem; so does what it returns. */
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
  // Without keys there was a problem.
  return keys as KeyRing;
}

function signUrl(url: string | URL, given: SignedUrlConditions, key: ResolvedKey): string {
  const check = new Checker('sign');
  const text = check.parsed('url', url, '', normaliseUrl);
  check.required('url', url);
  check.required('', given);
  const { expires, methods, clientIp } = check.group('', given, ['expires', 'methods', 'clientIp']);
  const parts = [
    resolveExpires(check, expires, Date.now()),
    key.id,
    resolveSimpleMethods(check, methods).join(),
    resolveClientIp(check, clientIp) ?? ANY_CLIENT,
  ];
  check.throwIfAny();
  const signedUrl = `${text}${text.includes('?') ? '&' : '?'}${PARAMETER}${parts.join(SEPARATOR)}`;
  const target = signedUrl.replace(/^[a-z]+:\/\/[^/]*/, '');
  return `${signedUrl}${SEPARATOR}${hmac(target, key).toString('base64url')}`;
}

/** `target` ends with `parameter`, which is the last one of its query. */
function readSignature(target: string, parameter: string, keys: KeyRing): LinkConditions {
  const parts = parameter.slice(PARAMETER.length).split(SEPARATOR);
  const [expires = '', id = '', methods = '', client = '', given = ''] = parts;
  const signature = decodeBase64Url(given);
  if (parts.length !== 5 || signature === null)
    throw invalidLink('its signature is not written as it should be');
  const key = keys.find(id);
  const expected = hmac(target.slice(0, -(SEPARATOR.length + given.length)), key);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw wrongSignature(key);
  const check = new Checker('link');
  return readSigned(check, () => ({
    expires: readExpires(check, /^[1-9][0-9]*$/.test(expires) ? Number(expires) : expires),
    methods: resolveSimpleMethods(check, methods.split(',')),
    clientIp: client === ANY_CLIENT ? null : resolveClientIp(check, client),
  }));
}

/** Where the parameter begins that is the last one of a query; -1 where that is another. */
function startOfSignature(query: string): number {
  const at = query.lastIndexOf('&') + 1;
  return query.startsWith(PARAMETER, at) ? at : -1;
}

/** Those that need no escapes, and can be told apart from what is beside them. */
function resolveSimpleMethods(check: Checker, given: unknown): readonly string[] {
  const methods = resolveMethods(check, given);
  if (methods.some((method) => !/^[A-Z-]*$/.test(method)))
    check.problem('methods', 'must consist of letters and hyphens');
  return methods;
}

/** As a browser sends it: its own spelling of a URL would not be what was signed. The fragment stays behind. */
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

const hmac = (target: string, key: ResolvedKey): Buffer =>
  createHmac('sha256', key.secret).update(PREAMBLE).update(target, 'latin1').digest();
