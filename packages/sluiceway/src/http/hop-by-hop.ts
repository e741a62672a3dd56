import { type Fields, isNamed, type ReadonlyFields } from './fields.js';
import { isForwardingField } from './forwarded.js';

/**
 * Names that a Connection field cannot remove. RFC 9110 section 7.6.1 forbids options that name a field intended for
 * all recipients, so such an option indicates an attack. Without Host or Content-Length, the next server would route or
 * frame another message than this proxy reads; without the Content-* fields, it would read other content. Via and
 * CDN-Loop detect loops (RFC 8586 section 2 requires that intermediaries keep the field). Early-Data marks a possible
 * replay (RFC 8470 section 5.1).
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
 * Fields that frame a message or control its connection. The proxy writes them for each message. `TE` is not included:
 * a request draft has it if the client accepts trailers.
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

/** Reports whether a field frames a message or controls its connection. Neither options nor hooks can set it. */
export const isFramingField = (name: string): boolean => FRAMING.has(name.toLowerCase());

/**
 * Reports whether a field is always for a single connection, in any case: RFC 9110 section 7.6.1, plus
 * `Proxy-Connection`, `HTTP2-Settings` (RFC 7540 section 3.2.1) and the two proxy authentication fields. `Trailers` is
 * not included.
 */
export function isHopByHop(name: string): boolean {
  // The length excludes nearly every field before any text is compared.
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
 * Like `removeHopByHop`. Also removes Alt-Svc, which would make clients bypass the proxy (RFC 7838 section 3). Returns
 * the names in Connection, which must not reappear in trailers.
 */
export function removeHopByHopFromResponse(fields: Fields): ReadonlySet<string> | null {
  const nominated = nominatedBy(fields);
  fields.retain((name) => {
    if (isNamed(name, 'alt-svc') || isHopByHop(name)) return false;
    return nominated === null || !nominated.has(name.toLowerCase());
  });
  return nominated;
}

/**
 * Reports whether the sender accepts trailer fields: a TE line with the member `trailers` (RFC 9110 section 10.1.4).
 */
export function acceptsTrailers(fields: ReadonlyFields): boolean {
  if (!fields.has('te')) return false;
  return fields.list('te').some((member) => member.toLowerCase() === 'trailers');
}

/**
 * Returns the names that Connection removes in addition to the fixed ones, from head and trailers, in lower case. Null
 * if there are none, which is the usual case.
 */
export function nominatedBy(fields: ReadonlyFields): ReadonlySet<string> | null {
  const raw = fields.raw;
  let nominated: Set<string> | null = null;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length !== 10 || (name !== 'Connection' && name.toLowerCase() !== 'connection')) continue;
    // Every line counts, even if the first one has only fixed names.
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
    // A trusted proxy may have set them. If a client could have them removed, it would look like that proxy
    // (CVE-2022-31813 in Apache httpd, CVE-2024-45410 in Traefik).
    if (isForwardingField(option)) continue;
    nominated ??= new Set();
    nominated.add(option);
  }
  return nominated;
}
