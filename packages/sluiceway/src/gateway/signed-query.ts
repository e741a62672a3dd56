import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalidLink, wrongSignature } from '../access/invalid-link.js';
import { decodeBase64Url, type KeyRing, type ResolvedKey } from '../access/keys.js';
import { type Grant, packGrant, readGrant, type SignedGrant } from './grant.js';

/** Prefix of the signed text, so that a signature is not valid for anything else. */
const PREAMBLE = 'sluiceway-signed-link-v1\n';
const SIGNATURE = '&signature=';

/** All parameters of a link, in the order in which a link has them. `signature` follows after all of them. */
const PARAMETERS = [
  'accept-encoding',
  'client',
  'content-type',
  'digest',
  'digest-sidecar',
  'disposition',
  'expires',
  'filename',
  'key',
  'max-bytes',
  'methods',
  'mirrors',
  'rate',
  'single-use',
  'size',
  'url',
] as const;

type Parameter = (typeof PARAMETERS)[number];
type Parameters = { [name in Parameter]?: string };

/**
 * Signs a grant without encrypting it. The result has the members as query parameters in alphabetical order, each value
 * percent-encoded except `A-Z a-z 0-9 - . _ ~`, then `signature`: HMAC-SHA-256 over the preamble and the parameters as
 * they appear in the link, in base64url. `headers` are left out.
 */
export function signGrant(grant: Grant, key: ResolvedKey): string {
  const query = formatQuery(toParameters(grant, key.id));
  return `${query}${SIGNATURE}${hmac(query, key).toString('base64url')}`;
}

/**
 * Reads a grant that was signed with one of the keys, byte for byte. Throws `link_invalid` for anything else, with a
 * message that says what is wrong.
 */
export function readSignedGrant(query: string, keys: KeyRing): SignedGrant {
  const at = query.lastIndexOf(SIGNATURE);
  if (at < 0) throw invalidLink('it has no signature');
  const signed = query.slice(0, at);
  const signature = decodeBase64Url(query.slice(at + SIGNATURE.length));
  if (signature === null) throw invalidLink('its signature is not canonical base64url');
  const parameters = parseQuery(signed);
  // Each set of parameters has one valid form: the order and the encoding of each character are fixed.
  if (formatQuery(parameters) !== signed)
    throw invalidLink('its parameters are out of order or not in canonical encoding');
  const key = keys.find(parameters.key ?? '');
  const expected = hmac(signed, key);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
    throw wrongSignature(key);
  return { grant: toGrant(parameters), key: key.id };
}

function toParameters(grant: Grant, key: string): Parameters {
  const {
    url,
    mirrors,
    expires,
    filename,
    disposition,
    contentType,
    methods,
    digest,
    digestSidecar,
    size,
    acceptEncoding,
    maxBytes,
    rate,
    clientIp,
    singleUse,
  } = packGrant(grant);
  return {
    ...(acceptEncoding !== undefined && { 'accept-encoding': acceptEncoding }),
    ...(clientIp !== undefined && { client: clientIp }),
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(digest !== undefined && { digest }),
    ...(digestSidecar !== undefined && { 'digest-sidecar': digestSidecar }),
    ...(disposition !== undefined && { disposition }),
    expires: String(expires),
    ...(filename !== undefined && { filename }),
    key,
    ...(maxBytes !== undefined && { 'max-bytes': String(maxBytes) }),
    ...(methods !== undefined && { methods: methods.join() }),
    // A URL contains no space.
    ...(mirrors !== undefined && { mirrors: mirrors.join(' ') }),
    ...(rate !== undefined && { rate: String(rate) }),
    ...(singleUse === true && { 'single-use': '1' }),
    ...(size !== undefined && { size: String(size) }),
    url: String(url),
  };
}

function toGrant(parameters: Parameters): Grant {
  const { client, digest, disposition, expires, filename, methods, rate, url } = parameters;
  return readGrant({
    acceptEncoding: parameters['accept-encoding'],
    clientIp: client,
    contentType: parameters['content-type'],
    digest,
    digestSidecar: parameters['digest-sidecar'],
    disposition,
    expires: toNumber(expires),
    filename,
    maxBytes: toNumber(parameters['max-bytes']),
    methods: methods?.split(','),
    mirrors: parameters.mirrors?.split(' '),
    rate: toNumber(rate),
    singleUse: toFlag(parameters['single-use']),
    size: toNumber(parameters.size),
    url,
  });
}

/** Returns `NaN` unless the text is a whole number in its shortest form, so that the check of the grant refuses it. */
const toNumber = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;

/** Returns the text itself if it is not a flag, so that the check of the grant refuses it. */
const toFlag = (text: string | undefined): boolean | string | undefined => (text === '1' ? true : text);

function formatQuery(parameters: Parameters): string {
  return PARAMETERS.flatMap((name) => {
    const value = parameters[name];
    return value === undefined ? [] : [`${name}=${encode(value)}`];
  }).join('&');
}

function parseQuery(query: string): Parameters {
  const parameters: Parameters = {};
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const name = PARAMETERS.find((each) => each === part.slice(0, equals));
    if (equals < 0 || name === undefined) throw invalidLink('it has an unknown parameter');
    if (parameters[name] !== undefined) throw invalidLink(`it has ${name} twice`);
    parameters[name] = decode(part.slice(equals + 1));
  }
  return parameters;
}

/** RFC 3986 section 2.3: everything except unreserved characters is escaped, in upper case. */
const encode = (value: string): string =>
  encodeURIComponent(value).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidLink('it has an escape that is not UTF-8');
  }
}

const hmac = (query: string, key: ResolvedKey): Buffer =>
  createHmac('sha256', key.secret).update(PREAMBLE).update(query).digest();
