/** Scheme and authority of a URL, or the authority of a reference without a scheme. */
const AUTHORITY = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i;

/**
 * Handles spaces in a URL as browsers do (WHATWG URL): removes them at the end, and encodes them as `%20` in path and
 * query. Everything else is kept, so an invalid URL stays invalid.
 */
export function encodeSpaces(url: string): string {
  const text = url.replace(/(?<! ) +$/, '');
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  return authority + text.slice(authority.length).replaceAll(' ', '%20');
}

/** Like `encodeSpaces`. Also encodes non-ASCII characters in path and query as UTF-8. */
export function encodeUrl(url: string): string {
  const text = encodeSpaces(url);
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  // Lone surrogates stay, and are refused when the URL is parsed.
  const rest = text.slice(authority.length).replace(/[^\0-\x7f\p{Cs}]+/gu, encodeURIComponent);
  return authority + rest;
}

/**
 * Like `encodeUrl`, for a URL or reference with one character per byte, such as a `Location`. Path and query can be in
 * any encoding: each byte above ASCII is percent-encoded as it is, as in browsers and curl. The host must be UTF-8;
 * otherwise this throws a `TypeError`.
 */
export function encodeUrlBytes(bytes: string): string {
  const text = encodeSpaces(bytes);
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  const rest = text
    .slice(authority.length)
    .replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  return decodeUtf8(authority) + rest;
}

/** Decodes text with one character per byte as UTF-8. Throws a `TypeError` if it is not valid UTF-8. */
export function decodeUtf8(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
    Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
  );
}
