/** Scheme and authority of a URL, or the authority of a reference without a scheme. */
const AUTHORITY = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i;

/**
 * A URL as a person or a program writes it, without the spaces that browsers encode or strip (WHATWG URL): those behind
 * it are taken away, those in its path and query become `%20`. Everything else is kept, so that what is not valid stays so.
 */
export function encodeSpaces(url: string): string {
  const text = url.replace(/(?<! ) +$/, '');
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  return authority + text.slice(authority.length).replaceAll(' ', '%20');
}

/** As `encodeSpaces`, and characters beyond ASCII in path and query are encoded as UTF-8. */
export function encodeUrl(url: string): string {
  const text = encodeSpaces(url);
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  // Halves of surrogate pairs stay, and are refused where the URL is read.
  const rest = text.slice(authority.length).replace(/[^\0-\x7f\p{Cs}]+/gu, encodeURIComponent);
  return authority + rest;
}

/**
 * As `encodeUrl`, for a URL or a reference of which each character is one byte, such as a `Location`: its path and query may
 * be in any encoding, and each byte beyond ASCII is encoded as what it is, as browsers and curl do. A host is UTF-8.
 * Throws a `TypeError` where that one is something else.
 */
export function encodeUrlBytes(bytes: string): string {
  const text = encodeSpaces(bytes);
  const authority = AUTHORITY.exec(text)?.[0] ?? '';
  const rest = text
    .slice(authority.length)
    .replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
  return decodeUtf8(authority) + rest;
}

/** Text of which each character is one byte, read as UTF-8. Throws a `TypeError` where it is not. */
export function decodeUtf8(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
    Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)),
  );
}
