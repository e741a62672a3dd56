import { isUtf8 } from 'node:buffer';

/** Longer paths are not analysed: no file server needs them, and each form costs time. */
const MAX_PATH_LENGTH = 4096;
/** A path with more forms is a puzzle, not a name. */
const MAX_FORMS = 64;
/** What no step changes: one form, which the path itself is. */
const PLAIN = /^[\w/!$&'()*,=@~-]*$/;
/**
 * What servers do not agree on how to read: control characters (some end at NUL), `%u002e` as IIS decodes it, and
 * overlong UTF-8, which some decoders accept as `.` or `/`.
 */
const UNREADABLE = /[^\x20-\x7e\x80-\xff]|%u[\da-f]{4}|[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]/;

/**
 * Every path that some server may take a path for, in lower case and percent-decoded to bytes (one character a byte):
 * with its escapes decoded none, one or more times, with `\` as `/`, without `;parameters`, with repeated slashes
 * merged, with dot segments resolved, without dots and spaces at the end of a segment, without what follows a decoded
 * `?` or `#`, with `+` as a space, without an NTFS stream (`::$DATA`), and without characters that have no width; in
 * each order. The path itself is one of them. Null where that cannot be told.
 */
export function pathForms(path: string): readonly string[] | null {
  if (path.length > MAX_PATH_LENGTH) return null;
  const forms = new Set([toLower(path)]);
  if (PLAIN.test(path) && !path.includes('//')) return [...forms];
  for (const form of forms) {
    if (UNREADABLE.test(form)) return null;
    for (const step of STEPS) forms.add(step(form));
    if (forms.size > MAX_FORMS) return null;
  }
  return [...forms];
}

/** The forms of the path of a pattern, which means what it says: as written, decoded, and in one case. */
export function patternForms(path: string): readonly string[] {
  const decoded = decodeOnce(toLower(path));
  const compatible = toCompatible(decoded);
  return [toLower(path), decoded, compatible, toSpaces(decoded), toSpaces(compatible)];
}

/** ASCII only: the characters stand for bytes. */
const toLower = (bytes: string): string => bytes.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

const decodeOnce = (path: string): string =>
  toLower(path.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));

const STEPS: readonly ((path: string) => string)[] = [
  decodeOnce,
  toCompatible,
  fromLatin1,
  toSpaces,
  (path) => path.replaceAll('\\', '/'),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.replace(/\/{2,}/g, '/'),
  (path) => path.split(/[?#]/, 1)[0] ?? '',
  resolveDots,
  (path) => path.split('/').map(trimEnd).join('/'),
  (path) => path.split('/').map(withoutStream).join('/'),
];

/**
 * Unicode forms that mean the same: a full-width letter or dot is the plain one for file systems that map them. HFS+
 * ignores characters without a width, and some decoders bytes that are not UTF-8.
 */
function toCompatible(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  const text = Buffer.from(bytes, 'latin1').toString('utf8').normalize('NFKC').toLowerCase();
  return Buffer.from(text.replace(IGNORED, ''), 'utf8').toString('latin1');
}

const IGNORED = /[\p{Default_Ignorable_Code_Point}\ufffd]+/gu;

/** Bytes that are not UTF-8 as the Latin-1 that some servers take them for, in UTF-8. */
function fromLatin1(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes) || isUtf8(Buffer.from(bytes, 'latin1'))) return bytes;
  return Buffer.from(bytes.toLowerCase(), 'utf8').toString('latin1');
}

/** As S3 and decoders of forms read a path. */
function toSpaces(path: string): string {
  return path.replaceAll('+', ' ');
}

/** RFC 3986 section 5.2.4. */
function resolveDots(path: string): string {
  if (!path.includes('/.')) return path;
  const kept: string[] = [];
  const segments = path.split('/');
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '..' && kept.length > 1) kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (isLast) kept.push('');
  }
  return kept.join('/');
}

/** As Windows opens files. Segments of one or two dots are a matter of `resolveDots`; it ignores those of more. */
function trimEnd(segment: string): string {
  let end = segment.length;
  while (end > 0 && (segment[end - 1] === '.' || segment[end - 1] === ' ')) end -= 1;
  if (end > 0 || segment === '') return segment.slice(0, end);
  const dots = segment.trimEnd();
  return dots === '.' || dots === '..' ? dots : '.';
}

/** Of `name:stream` and `name::$DATA`, what NTFS opens the file or folder by. A type of stream begins with `$`. */
function withoutStream(segment: string): string {
  const colon = segment.indexOf(':');
  return colon > 0 && segment.includes(':$', colon) ? segment.slice(0, colon) : segment;
}
