import { type Fields, isNamed, type ReadonlyFields } from './fields.js';
import { isForwardingField } from './forwarded.js';

/**
 * Names that a Connection field cannot have removed. RFC 9110 section 7.6.1 forbids options that correspond to
 * a field intended for all recipients, so such an option is never meant well: without Host or Content-Length
 * the next server would route or frame another message than we read, without the Content-* fields it would
 * read other content. Via and CDN-Loop tell loops (RFC 8586 section 2 relies on nobody removing it), Early-Data tells
 * what may be a replay (RFC 8470 section 5.1).
 */
const NOT_NOMINABLE: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'cache-control',
  'via',
  'cdn-loop',
  'early-data',
]);

/**
 * What frames a message, or says what becomes of its connection: written by the proxy for each message anew. `TE` is
 * not one of them, since a draft has it where trailers are wanted.
 */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a field frames a message or its connection, so that neither an option nor a hook may decide on it. */
export const isFramingField = (name: string): boolean => FRAMING.has(name.toLowerCase());

/**
 * Whether a field is always meant for one connection only: RFC 9110 section 7.6.1, with `Proxy-Connection` and
 * `HTTP2-Settings` (RFC 7540 section 3.2.1) and the two proxy authentication fields, in any case. `Trailers` is
 * not one of them.
 */
export function isHopByHop(name: string): boolean {
  // The length rules nearly every field out before any text is compared.
  switch (name.length) {
    case 2:
      return isNamed(name, 'te');
    case 7:
      return isNamed(name, 'upgrade') || isNamed(name, 'trailer');
    case 10:
      return isNamed(name, 'connection') || isNamed(name, 'keep-alive');
    case 14:
      return isNamed(name, 'http2-settings');
    case 16:
      return isNamed(name, 'proxy-connection');
    case 17:
      return isNamed(name, 'transfer-encoding');
    case 18:
      return isNamed(name, 'proxy-authenticate');
    case 19:
      return isNamed(name, 'proxy-authorization');
    default:
      return false;
  }
}

/** Removes the fixed hop-by-hop fields and every field that a Connection line names. */
export function removeHopByHop(fields: Fields): void {
  const nominated = nominatedBy(fields);
  if (nominated === null) fields.retain((name) => !isHopByHop(name));
  else fields.retain((name) => !isHopByHop(name) && !nominated.has(name.toLowerCase()));
}

/**
 * As `removeHopByHop`, and Alt-Svc as well: it would send clients around the proxy (RFC 7838 section 3). Returns what
 * Connection names, which trailers may not bring in again.
 */
export function removeHopByHopFromResponse(fields: Fields): ReadonlySet<string> | null {
  const nominated = nominatedBy(fields);
  fields.retain((name) => {
    if (isNamed(name, 'alt-svc') || isHopByHop(name)) return false;
    return nominated === null || !nominated.has(name.toLowerCase());
  });
  return nominated;
}

/** Whether the sender takes trailer fields: a TE line with the member `trailers` (RFC 9110 section 10.1.4). */
export function acceptsTrailers(fields: ReadonlyFields): boolean {
  if (!fields.has('te')) return false;
  return fields.list('te').some((member) => member.toLowerCase() === 'trailers');
}

/**
 * The names that Connection has removed beyond the fixed ones, from the head and the trailers, in lower case; null
 * where there are none, which is the usual case.
 */
export function nominatedBy(fields: ReadonlyFields): ReadonlySet<string> | null {
  const raw = fields.raw;
  let nominated: Set<string> | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length !== 10 || (name !== 'Connection' && name.toLowerCase() !== 'connection')) continue;
    // Every line counts, whatever the first one holds.
    nominated = addOptions(raw[i + 1] ?? '', nominated);
  }
  return nominated;
}

function addOptions(value: string, nominated: Set<string> | null): Set<string> | null {
  let start = 0;
  while (start <= value.length) {
    let end = value.indexOf(',', start);
    if (end < 0) end = value.length;
    const option = value.slice(start, end).trim().toLowerCase();
    start = end + 1;
    if (option === '' || option === 'close' || isHopByHop(option) || NOT_NOMINABLE.has(option)) continue;
    // They may come from a trusted proxy before us, and a client that has them dropped looks like that proxy
    // (CVE-2022-31813 in Apache httpd, CVE-2024-45410 in Traefik).
    if (isForwardingField(option)) continue;
    nominated ??= new Set();
    nominated.add(option);
  }
  return nominated;
}
