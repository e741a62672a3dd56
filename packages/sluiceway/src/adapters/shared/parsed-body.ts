import type { IncomingMessage } from 'node:http';
import { charsetOf, encoderFor, isUtf8, type TextEncode } from '../../http/charset.js';
import { findTouch } from '../../stream/untouched.js';

/**
 * Request content made anew from what a body parser has left in `body`; undefined where the content has not been
 * read, so that the proxy reads it, and where nothing is known that would be the same, so that the proxy refuses it.
 */
export function restoreContent(
  request: IncomingMessage,
  body: unknown,
  contentType: string | undefined = request.headers['content-type'],
): Uint8Array | undefined {
  return isContentRead(request) ? encodeBody(body, contentType) : undefined;
}

/** Whether a request has content that something has read before the proxy. */
export const isContentRead = (request: IncomingMessage): boolean =>
  hasContent(request) && findTouch(request) !== null;

/**
 * What a parser has made of content, as bytes in the charset that its `Content-Type` names: the origin server reads
 * them by that. Undefined where there is nothing that would say the same: another type, a charset that is not known,
 * text that it has no bytes for.
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

/** Text that a parser which knows charsets has read, in the charset that it came in; undefined where there are no bytes. */
export function encodeText(text: string, contentType: string | undefined): Uint8Array | undefined {
  return encoderFor(charsetOf(contentType))?.(text) ?? undefined;
}

/** Some parsers leave an empty body where there was none. */
const hasContent = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

function encodeJson(body: unknown, encode: TextEncode): Uint8Array | undefined {
  // Either JSON of a string or, by a parser of text, the JSON itself.
  if (typeof body === 'string') return undefined;
  // Undefined where there is no JSON for it.
  const text = JSON.stringify(body) as string | undefined;
  if (text === undefined) return undefined;
  const bytes = encode(text);
  if (bytes !== null) return bytes;
  // What a parser puts where it takes other bytes for UTF-8: what they were is lost.
  return text.includes('\ufffd') ? undefined : (encode(escapeNonAscii(text)) ?? undefined);
}

/** The same JSON in ASCII (RFC 8259 section 7): outside strings there is nothing else. */
const escapeNonAscii = (text: string): string =>
  text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * As parsers of nested forms read it again: `a=1&a=2` for a list of values, `a[b]=1` for what is nested. Undefined
 * where the charset has no bytes for a character, where it does not extend ASCII, and where a parser that knows UTF-8
 * only has left the escapes of another charset as they were.
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

/** As the URL Standard serializes forms. */
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
