import type { IncomingMessage } from 'node:http';
import { charsetOf, encoderFor, isUtf8, type TextEncode } from '../../http/charset.js';
import { findTouch } from '../../stream/untouched.js';

/**
 * Restores request content from what a body parser has left in `body`. Undefined if the content has not been read, so
 * that the proxy reads it, and if it cannot be restored exactly, so that the proxy refuses it.
 */
export function restoreContent(
  request: IncomingMessage,
  body: unknown,
  contentType: string | undefined = request.headers['content-type'],
): Uint8Array | undefined {
  return isContentRead(request) ? encodeBody(body, contentType) : undefined;
}

/** Reports whether a request has content that was read before the proxy. */
export const isContentRead = (request: IncomingMessage): boolean =>
  hasContent(request) && findTouch(request) !== null;

/**
 * Encodes a parser's result in the charset of the `Content-Type`, in which the origin server will read it. Undefined if
 * that cannot represent the content: another type, an unknown charset, or text that the charset cannot encode.
 */
function encodeBody(body: unknown, contentType: string | undefined): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body;
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const charset = charsetOf(contentType);
  const encode = encoderFor(charset);
  if (encode === null) return undefined;
  if (type === 'application/json' || type.endsWith('+json')) return encodeJson(body, encode);
  if (type === 'application/x-www-form-urlencoded' && typeof body === 'object' && body !== null)
    return encodeForm(body, encode, isUtf8(charset));
  return undefined;
}

/** Encodes text that a charset-aware parser has decoded, in its original charset. Undefined if that is impossible. */
export function encodeText(text: string, contentType: string | undefined): Uint8Array | undefined {
  return encoderFor(charsetOf(contentType))?.(text) ?? undefined;
}

/** Some parsers leave an empty body if there was none. */
const hasContent = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function encodeJson(body: unknown, encode: TextEncode): Uint8Array | undefined {
  // Ambiguous: JSON of a string, or JSON that a text parser has kept as text.
  if (typeof body === 'string') return undefined;
  // Undefined if the value has no JSON form.
  const text = JSON.stringify(body) as string | undefined;
  if (text === undefined) return undefined;
  const bytes = encode(text);
  if (bytes !== null) return bytes;
  // U+FFFD means that a parser decoded other bytes as UTF-8, so the original is lost.
  return text.includes('\ufffd') ? undefined : (encode(escapeNonAscii(text)) ?? undefined);
}

/** The same JSON in ASCII (RFC 8259 section 7). Non-ASCII occurs only in strings. */
const escapeNonAscii = (text: string): string =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * Serializes a form for parsers of nested forms: `a=1&a=2` for a list, `a[b]=1` for nested values. Undefined if the
 * charset cannot encode a character or does not extend ASCII, or if a UTF-8-only parser has left escapes of another
 * charset undecoded.
 */
function encodeForm(body: object, encode: TextEncode, inUtf8: boolean): Uint8Array | undefined {
  const pairs: [string, string][] = [];
  for (const [key, value] of Object.entries(body)) appendTo(pairs, key, value);
  const parts: string[] = [];
  if (encode('a')?.length !== 1) return undefined;
  for (const pair of pairs) {
    if (!inUtf8 && pair.some((text) => /%[89a-f][\da-f]/i.test(text))) return undefined;
    const [name, value] = pair.map((text) => escapeBytes(encode(text)));
    if (name === undefined || value === undefined) return undefined;
    parts.push(`${name}=${value}`);
  }
  return Buffer.from(parts.join('&'), 'latin1');
}

/** Percent-encodes as the URL Standard does for forms. */
function escapeBytes(bytes: Uint8Array | null): string | undefined {
  if (bytes === null) return undefined;
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^\w*.-]/g, (char) =>
      char === ' ' ? '+' : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
}

function appendTo(form: [string, string][], key: string, value: unknown): void {
  if (typeof value === 'string') form.push([key, value]);
  else if (Array.isArray(value)) {
    const plain = value.every((item) => typeof item === 'string');
    for (const [index, item] of value.entries()) appendTo(form, plain ? key : `${key}[${index}]`, item);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, item] of Object.entries(value)) appendTo(form, `${key}[${name}]`, item);
  } else if (typeof value === 'number' || typeof value === 'boolean') form.push([key, String(value)]);
  else form.push([key, '']);
}
