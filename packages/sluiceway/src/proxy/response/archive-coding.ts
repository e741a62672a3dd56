import type { Fields } from '../../http/fields.js';

/** Content codings by file name extension, as servers derive them from names. */
const CODINGS: readonly (readonly [end: RegExp, codings: readonly string[], mediaType: string])[] = [
  [/\.t?gz$/i, ['gzip', 'x-gzip'], 'application/gzip'],
  [/\.(?:bz2|tbz2?)$/i, ['bzip2', 'x-bzip2', 'bzip', 'x-bzip'], 'application/x-bzip2'],
  [/\.t?xz$/i, ['xz', 'x-xz'], 'application/x-xz'],
  [/\.t?zst$/i, ['zstd'], 'application/zstd'],
  [/(?:\.Z|\.taz)$/, ['compress', 'x-compress'], 'application/x-compress'],
];

/** Types that browsers run or show as part of a page. A file such as `app.js.gz` is meant to be decoded. */
const OF_PAGES =
  /^(?:text\/(?:html|css|javascript|xml)|application\/(?:javascript|xhtml\+xml|wasm)|image\/svg\+xml|font\/)/i;

/** Media types that are already compressed. With such a type, the server has compressed the file once more. */
const COMPRESSED = /^application\/(?:x-)?(?:gzip|bzip2?|xz|zstd|compress(?:ed)?)/i;

/**
 * Removes `Content-Encoding` from an archive. Many servers derive the field from the file name, and clients that follow
 * it store the decompressed file under the name of the archive. The bytes stay unchanged, and so do their digests and
 * validators.
 */
export function removeArchiveCoding(headers: Fields, paths: readonly string[]): void {
  const codings = headers.list('content-encoding');
  const [coding = ''] = codings;
  if (codings.length !== 1) return;
  const found = CODINGS.find(
    ([end, labels]) =>
      labels.includes(coding.toLowerCase()) && paths.some((path) => end.test(withoutQuery(path))),
  );
  const mediaType = headers.get('content-type') ?? '';
  if (found === undefined || OF_PAGES.test(mediaType) || COMPRESSED.test(mediaType)) return;
  headers.delete('content-encoding');
  headers.set('Content-Type', found[2]);
}

const withoutQuery = (path: string): string => path.split('?', 1)[0] ?? '';
