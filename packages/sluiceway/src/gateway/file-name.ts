import { create, parse } from 'content-disposition';

/**
 * Control characters, and characters that reverse or hide the visible extension of a name (`exe.gpj` shown as
 * `jpg.exe`).
 */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
/** Characters that delimit a path, a device or a stream on some systems. */
const RESERVED = /[<>:"|?*]/g;
/** Device names of Windows. Windows treats superscript digits as digits and ignores trailing spaces. */
const DEVICE = /^(?:con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?= {0,255}(?:\.|$))/i;
/** The limit of common file systems. */
const MAX_BYTES = 255;
/** Longer names from outside are first cut to their start and their end, which has the extension. */
const MAX_LENGTH = 4096;
const MAX_END_LENGTH = 64;

/** Returns a name that is safe on every system, or null if nothing is left of it. */
export function toSafeFileName(name: string): string | null {
  const last = cut(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1));
  // Replaces lone surrogates, which UTF-8 cannot encode.
  const wellFormed = Buffer.from(last).toString();
  const plain = trimDots(wellFormed.replace(UNSAFE, '').replace(RESERVED, '_').trim());
  const safe = trimDots(shorten(DEVICE.test(plain) ? `_${plain}` : plain));
  return safe === '' ? null : safe;
}

const cut = (name: string): string =>
  name.length <= MAX_LENGTH ? name : name.slice(0, MAX_LENGTH - MAX_END_LENGTH) + name.slice(-MAX_END_LENGTH);

/** Removes dots at the start, and dots and spaces at the end. A regular expression would take quadratic time. */
function trimDots(name: string): string {
  let start = 0;
  let end = name.length;
  while (name[start] === '.') start += 1;
  while (end > start && (name[end - 1] === '.' || name[end - 1] === ' ')) end -= 1;
  return name.slice(start, end);
}

/** Cuts the part before the extension, between characters. */
function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : '';
  let stem = '';
  for (const char of name.slice(0, name.length - extension.length)) {
    if (Buffer.byteLength(stem + char + extension) > MAX_BYTES) break;
    stem += char;
  }
  return stem + extension;
}

/** Returns the safe form of the file name in an origin server's Content-Disposition, or null if there is none. */
export function readFileName(field: string | undefined): string | null {
  if (field === undefined || field.length > MAX_LENGTH) return null;
  try {
    // In practice, raw bytes are UTF-8 (RFC 6266 section 4.3 leaves the encoding open).
    const { filename } = parse(Buffer.from(field, 'latin1').toString('utf8')).parameters;
    return filename === undefined ? null : toSafeFileName(filename);
  } catch {
    return null;
  }
}

/** Formats Content-Disposition (RFC 6266), with `filename*` if the name is not ASCII (RFC 8187). */
export function formatDisposition(type: 'attachment' | 'inline', fileName: string | null): string {
  return create(fileName ?? undefined, { type });
}
