import { isUtf8 } from 'node:buffer';

/** Longer paths are not analysed: file servers do not need them, and each form takes time. */
const MAX_PATH_LENGTH = 4096;
/** A path with more forms is an attack, not a name. */
const MAX_FORMS = 64;
/** Characters that no step changes. Such a path has a single form, itself. */
const PLAIN = /^[\w/!$&'()*,=@~-]*$/;
/**
 * Characters that servers interpret differently: control characters (some servers end at NUL), `%u002e` as IIS decodes
 * it, and overlong UTF-8, which some decoders accept as `.` or `/`.
 */
const UNREADABLE = /[^\x20-\x7e\x80-\xff]|%u[\da-f]{4}|[\xc0\xc1]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]/;

/**
 * Returns every path as which some server may interpret a path, in lower case and percent-decoded to bytes (one
 * character per byte). The result includes the path itself and every combination, in each order, of these steps: decode
 * escapes none, one or more times; replace `\` by `/`; remove `;parameters`; merge repeated slashes; resolve dot
 * segments; remove dots and spaces at the end of a segment; remove what follows a decoded `?` or `#`; replace `+` by a
 * space; remove an NTFS stream (`::$DATA`); remove zero-width characters. Returns null if the forms cannot be
 * determined.
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

/** Returns the forms of a pattern's path, which is taken literally: as written, decoded, and in lower case. */
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
 * Maps equivalent Unicode forms: a full-width letter or dot is the plain one for file systems that map them. HFS+
 * ignores zero-width characters, and some decoders ignore bytes that are not UTF-8.
 */
function toCompatible(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  const text = Buffer.from(bytes, 'latin1').toString('utf8').normalize('NFKC').toLowerCase();
  return Buffer.from(text.replace(IGNORED, ''), 'utf8').toString('latin1');
}

const IGNORED = /[\p{Default_Ignorable_Code_Point}\ufffd]+/gu;

/** Converts bytes that are not UTF-8, which some servers read as Latin-1, to UTF-8. */
function fromLatin1(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes) || isUtf8(Buffer.from(bytes, 'latin1'))) return bytes;
  return Buffer.from(bytes.toLowerCase(), 'utf8').toString('latin1');
}

/** S3 and form decoders read `+` as a space. */
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

/**
 * Windows ignores these when it opens files. `resolveDots` handles segments of one or two dots and ignores longer ones.
 */
function trimEnd(segment: string): string {
  let end = segment.length;
  while (end > 0 && (segment[end - 1] === '.' || segment[end - 1] === ' ')) end -= 1;
  if (end > 0 || segment === '') return segment.slice(0, end);
  const dots = segment.trimEnd();
  return dots === '.' || dots === '..' ? dots : '.';
}

/** Returns the file or folder that NTFS opens for `name:stream` and `name::$DATA`. A stream type begins with `$`. */
function withoutStream(segment: string): string {
  const colon = segment.indexOf(':');
  return colon > 0 && segment.includes(':$', colon) ? segment.slice(0, colon) : segment;
}
