import { create, parse } from 'content-disposition';

/** Controls, and characters that reverse or hide what a name seems to end with (`exe.gpj` shown as `jpg.exe`). */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
/** What some system takes for a part of a path, a device or a stream. */
const RESERVED = /[<>:"|?*]/g;
/** On Windows, where superscript digits count as digits, and spaces at the end do not. */
const DEVICE = /^(?:con|conin\$|conout\$|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?= {0,255}(?:\.|$))/i;
/** As long as file systems allow. */
const MAX_BYTES = 255;
/** Of what comes from outside, before it is looked at: the start and the end, where the extension is. */
const MAX_LENGTH = 4096;
const MAX_END_LENGTH = 64;

/** A name that is only a name on every system, or null where nothing is left of it. */
export function toSafeFileName(name: string): string | null {
  const last = cut(name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1));
  // Halves of surrogate pairs have no bytes of their own.
  const wellFormed = Buffer.from(last).toString();
  const plain = trimDots(wellFormed.replace(UNSAFE, '').replace(RESERVED, '_').trim());
  const safe = trimDots(shorten(DEVICE.test(plain) ? `_${plain}` : plain));
  return safe === '' ? null : safe;
}

const cut = (name: string): string =>
  name.length <= MAX_LENGTH ? name : name.slice(0, MAX_LENGTH - MAX_END_LENGTH) + name.slice(-MAX_END_LENGTH);

/** Without dots at the start, and dots and spaces at the end. A regular expression would be quadratic. */
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

/** The file name in a Content-Disposition field of an origin server, made safe; null where there is none. */
export function readFileName(field: string | undefined): string | null {
  if (field === undefined || field.length > MAX_LENGTH) return null;
  try {
    // Raw bytes are UTF-8 in practice (RFC 6266 section 4.3 leaves them open).
    const { filename } = parse(Buffer.from(field, 'latin1').toString('utf8')).parameters;
    return filename === undefined ? null : toSafeFileName(filename);
  } catch {
    return null;
  }
}

/** The value of Content-Disposition (RFC 6266), with `filename*` where the name is not ASCII (RFC 8187). */
export function formatDisposition(type: 'attachment' | 'inline', fileName: string | null): string {
  return create(fileName ?? undefined, { type });
}
