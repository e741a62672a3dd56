import { ALGORITHMS, type Digest, isSameDigest, parseDigest } from './digest.js';

/** What a checksum file says about one file. */
export interface ListedFile {
  /** The strongest digest. */
  digest: Digest;
  /** The length of the file in bytes. Null: not listed. */
  size: number | null;
}

/** The file that is looked up in a checksum file. Paths have one character per byte, without escapes. */
export interface SoughtFile {
  /** The path of the file's URL. */
  path: string;
  /** The folder of the checksum file, with a slash at its end. Null: on another server. */
  folder: string | null;
  /** Whether the checksum file is about this file only, so that the name in it does not matter. */
  isOwn: boolean;
}

interface Entry {
  /** Null: the line has only a digest. */
  name: string | null;
  digest: Digest;
  size: number | null;
}

const HEX = '[0-9a-f]{64}|[0-9a-f]{128}';
/** `SHA256 (name) = hex`: BSD, `sha256sum --tag`, `openssl dgst`. */
const TAGGED = /^(\\?)(?:SHA2?-?(256|512)) ?\((.+)\) ?= ?([0-9a-f]+)$/i;
/** ` hex size name`: the `Release` files of Debian. */
const SIZED = new RegExp(`^[ \\t]+(${HEX})[ \\t]+(\\d{1,15})[ \\t]+(\\S.*)$`, 'i');
/** `hex  name` and `hex *name`: `sha256sum`. */
const PLAIN = new RegExp(`^(\\\\?)(${HEX})(?: [ *]|[ \\t]+)(.+)$`, 'i');
const BARE = new RegExp(`^(?:${HEX})$`, 'i');
/** `# name: 123 bytes`: the `CHECKSUM` files of Fedora. */
const SIZE_COMMENT = /^# (.+): (\d{1,15}) bytes$/;

/** Longer lines are not those of a checksum file: a path has at most 4,096 bytes, and an escape doubles it. */
const MAX_LINE_LENGTH = 10_000;

/**
 * Finds a file in the text of a checksum file, which has one character per byte. Supports the formats of coreutils, BSD
 * (`--tag`), OpenSSL, Debian (`Release`) and Fedora (`CHECKSUM`), and a digest alone. Ignores all other lines and
 * algorithms. Returns null if the file is not listed, or with different digests of one algorithm.
 */
export function findInDigestFile(text: string, sought: SoughtFile): ListedFile | null {
  const entries: Entry[] = [];
  const sizes = new Map<string, number>();
  for (const line of text.replace(/^\xef\xbb\xbf/, '').split(/\r?\n/)) {
    if (line.length > MAX_LINE_LENGTH) continue;
    const entry = parseLine(line);
    if (entry !== null) entries.push(entry);
    const [, name, bytes] = SIZE_COMMENT.exec(line) ?? [];
    if (name !== undefined) sizes.set(name, Number(bytes));
  }
  const found = select(entries, sought);
  const [first] = found;
  if (first === undefined) return null;
  for (const algorithm of ALGORITHMS) {
    const [entry, ...others] = found.filter(({ digest }) => digest.algorithm === algorithm);
    if (entry === undefined) continue;
    if (others.some(({ digest }) => !isSameDigest(digest, entry.digest))) return null;
    const size = found.find((each) => each.size !== null)?.size ?? sizes.get(entry.name ?? '') ?? null;
    return { digest: entry.digest, size };
  }
  return null;
}

function parseLine(line: string): Entry | null {
  const [, tagEscape = '', bits, tagged, value = ''] = TAGGED.exec(line) ?? [];
  if (tagged !== undefined)
    return value.length * 4 === Number(bits) ? toEntry(value, unescapeName(tagged, tagEscape)) : null;
  const [, ofSized = '', bytes, sized] = SIZED.exec(line) ?? [];
  if (sized !== undefined) return toEntry(ofSized, sized, Number(bytes));
  const [, escape = '', ofPlain = '', plain] = PLAIN.exec(line) ?? [];
  if (plain !== undefined) return toEntry(ofPlain, unescapeName(plain, escape));
  const bare = line.trim();
  if (BARE.test(bare)) return toEntry(bare, null);
  try {
    return { name: null, digest: parseDigest(bare), size: null };
  } catch {
    return null;
  }
}

const toEntry = (hex: string, name: string | null, size: number | null = null): Entry => ({
  name,
  digest: parseDigest(`sha${hex.length * 4}:${hex}`),
  size,
});

/** A line that starts with a backslash has escapes in its name. */
function unescapeName(name: string, escape: string): string {
  if (escape === '') return name;
  return name.replace(/\\([nr\\])/g, (_, letter: string) =>
    letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\',
  );
}

/** The entries of the sought file. */
function select(entries: readonly Entry[], { path, folder, isOwn }: SoughtFile): readonly Entry[] {
  // In a list of a folder above, a shorter name is that of another file.
  const least = folder !== null && path.startsWith(folder) ? path.slice(folder.length) : '';
  let best = '';
  for (const { name } of entries) {
    const plain = name === null ? '' : withoutDot(name);
    if (plain.length > best.length && plain.length >= least.length && `/${path}`.endsWith(`/${plain}`))
      best = plain;
  }
  if (best !== '') return entries.filter(({ name }) => name !== null && withoutDot(name) === best);
  return isOwn ? entries : [];
}

const withoutDot = (name: string): string => name.replace(/^(?:\.?\/)+/, '');
