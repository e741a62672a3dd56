/** Encodes text. Returns null if the charset cannot represent it. */
export type TextEncode = (text: string) => Uint8Array | null;

const utf8: TextEncode = (text) => Buffer.from(text);
const ascii: TextEncode = (text) => (/^[\0-\x7f]*$/.test(text) ? Buffer.from(text, 'latin1') : null);
const latin1: TextEncode = (text) => (/^[\0-\xff]*$/.test(text) ? Buffer.from(text, 'latin1') : null);
const utf16le: TextEncode = (text) => Buffer.from(text, 'utf16le');
const utf16be: TextEncode = (text) => Buffer.from(text, 'utf16le').swap16();
/** With a byte order mark, from which a reader determines the byte order (RFC 2781 section 3.3). */
const utf16: TextEncode = (text) => utf16le(`\ufeff${text}`);

const CHARSETS: Readonly<Record<string, TextEncode>> = {
  'utf-8': utf8,
  utf8,
  'us-ascii': ascii,
  ascii,
  'iso-8859-1': latin1,
  iso8859_1: latin1,
  'iso8859-1': latin1,
  latin1,
  'utf-16': utf16,
  'utf-16le': utf16le,
  'utf-16be': utf16be,
};

/** Returns the `charset` of a Content-Type in lower case. Null if there is none (RFC 9110 section 8.3.2). */
export function charsetOf(contentType: string | undefined): string | null {
  const match = /;[\t ]*charset=(?:"([^"\\]*)"|([^\s;"]+))/i.exec(contentType?.slice(0, 1024) ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

/** UTF-8 is the default if no charset is named. */
export const isUtf8 = (charset: string | null): boolean =>
  charset === null || charset === 'utf-8' || charset === 'utf8';

/**
 * Returns the encoder of a charset in lower case. Null stands for UTF-8. Returns null if the charset is not supported.
 */
export function encoderFor(charset: string | null): TextEncode | null {
  return charset === null ? utf8 : (CHARSETS[charset] ?? null);
}
