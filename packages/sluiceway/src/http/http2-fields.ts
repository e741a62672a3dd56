import { SluicewayError } from '../errors.js';
import { Fields, type ReadonlyFields } from './fields.js';
import { type ContentFraming, decideRequestFraming } from './framing.js';
import { trimWhiteSpace } from './white-space.js';

/** The control data of an HTTP/2 request (RFC 9113 section 8.3.1). Null for absent pseudo-fields. */
export interface Http2RequestHead {
  method: string | null;
  path: string | null;
  authority: string | null;
  scheme: string | null;
  /** The protocol of an extended CONNECT (RFC 8441 section 4). */
  protocol: string | null;
  /** The fields of an equivalent HTTP/1.1 message: `Host` first, one `Cookie`. */
  headers: Fields;
}

/** Connection-specific fields, which HTTP/2 forbids (RFC 9113 section 8.2.2). */
const CONNECTION_SPECIFIC = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Reads the field section of an HTTP/2 request from Node's raw list. Throws `http_request_error` for malformed requests
 * that Node accepts: connection-specific fields, a `TE` other than `trailers`, a `Host` that differs from `:authority`,
 * or neither of the two.
 */
export function readHttp2Request(raw: readonly string[]): Http2RequestHead {
  const pseudo = new Map<string, string>();
  const lines: string[] = [];
  const hosts: string[] = [];
  const cookies: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    if (name.startsWith(':')) pseudo.set(name, value);
    else if (name === 'host') hosts.push(value);
    else if (name === 'cookie') cookies.push(value);
    else lines.push(name, checkValue(name, value));
  }
  const authority = pseudo.get(':authority') ?? null;
  const host = decideHost(authority, hosts);
  // Cookie crumbs are joined into one field (RFC 9113 section 8.2.3).
  if (cookies.length > 0) lines.push('cookie', cookies.join('; '));
  return {
    method: pseudo.get(':method') ?? null,
    path: pseudo.get(':path') ?? null,
    authority,
    scheme: pseudo.get(':scheme') ?? null,
    protocol: pseudo.get(':protocol') ?? null,
    headers: Fields.fromParser(['host', host, ...lines]),
  };
}

function checkValue(name: string, value: string): string {
  if (CONNECTION_SPECIFIC.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers'))
    throw malformed(`The field ${name} in an HTTP/2 request`);
  return value;
}

function decideHost(authority: string | null, hosts: readonly string[]): string {
  const [host] = hosts;
  if (hosts.length > 1) throw malformed('The request has more than one Host field');
  if (authority !== null && host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    throw malformed('Host and :authority differ');
  const decided = authority ?? host;
  if (decided === undefined) throw malformed('The request has neither :authority nor Host');
  return decided;
}

/** HTTP/2 frames content itself. A `Content-Length` announces its size (RFC 9113 section 8.1.1). */
export function decideHttp2RequestFraming(endsWithHead: boolean, fields: ReadonlyFields): ContentFraming {
  const declared = decideRequestFraming('1.1', fields);
  if (endsWithHead) return { kind: 'none' };
  return declared.kind === 'none' ? { kind: 'chunked' } : declared;
}

/** Fields that may occur only once. Node refuses to send several lines of them. */
const SINGLE = new Set([
  'access-control-allow-credentials',
  'access-control-max-age',
  'access-control-request-method',
  'age',
  'authorization',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'date',
  'dnt',
  'etag',
  'expires',
  'from',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'range',
  'referer',
  'retry-after',
  'tk',
  'upgrade-insecure-requests',
  'user-agent',
  'x-content-type-options',
]);

/**
 * Converts fields for Node's `http2`: names in lower case, several lines of a name as a list. Lines that Node would
 * refuse to repeat are joined by commas, which has the same meaning (RFC 9110 section 5.3).
 */
export function toHttp2Headers(fields: ReadonlyFields): Record<string, string | string[]> {
  // No prototype, because a field can be called `constructor`.
  const headers = Object.create(null) as Record<string, string | string[]>;
  const { raw } = fields;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    if (CONNECTION_SPECIFIC.has(name) || name === 'http2-settings') continue;
    const value = trimWhiteSpace(raw[i + 1] as string);
    // Node refuses to send any other value.
    if (name === 'te' && value !== 'trailers') continue;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string')
      headers[name] = SINGLE.has(name) ? `${before}, ${value}` : [before, value];
    else before.push(value);
  }
  return headers;
}

const malformed = (message: string): SluicewayError => new SluicewayError('http_request_error', message);
