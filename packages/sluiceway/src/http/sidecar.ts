import { type BaseTarget, parseBaseTarget } from './target.js';

/** Where the checksum file of each file is. */
export interface SidecarLocation {
  /** The server. Null: that of the file. */
  base: BaseTarget | null;
  /** A path with placeholders, relative to the file's unless it starts with a slash. */
  path: string;
  /** Whether each file has its own checksum file. */
  isOwn: boolean;
  /** Matches the paths of checksum files, without their query. */
  pattern: RegExp;
}

const PLACEHOLDER = /\{(?:name|path|query)\}/g;
const MESSAGE =
  "must be a path such as '{name}.sha256' or 'SHA256SUMS', or an http: or https: URL, with no placeholders but {name}, {path} and {query}";

/** Parses the location of checksum files. Throws a `TypeError`. */
export function parseSidecar(text: unknown): SidecarLocation {
  if (typeof text !== 'string' || text === '') throw new TypeError(MESSAGE);
  const plain = text.replace(PLACEHOLDER, '');
  // Placeholders are replaced by parts of a request-target, in which these characters are already encoded.
  if (!/^[\x21\x22\x24-\x5b\x5d-\x7a\x7c\x7e]*$/.test(plain)) throw new TypeError(MESSAGE);
  const [, origin, path = text] = /^(https?:\/\/[^/?{}]+)(\/.*)$/i.exec(text) ?? [];
  if (origin === undefined && (/^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith('//')))
    throw new TypeError(MESSAGE);
  // Otherwise the checksum file of a file could be the file itself.
  if (origin === undefined && !/[a-z0-9]/i.test(plain))
    throw new TypeError('must not be the path of the file itself');
  const base = origin === undefined ? null : parseBaseTarget(origin);
  return { base, path, isOwn: /\{(?:name|path)\}/.test(text), pattern: toPattern(path) };
}

/** A path and its query, which starts with `?` or is `''`. */
interface PathParts {
  path: string;
  query: string;
}

/** The path and query of the checksum file for the file at `target`. Null if `target` does not name a file. */
export function sidecarPath(location: SidecarLocation, target: string): PathParts | null {
  const { path, query } = split(target);
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (slash < 0 || name === '') return null;
  const values: Readonly<Record<string, string>> = {
    '{name}': name,
    '{path}': path.replace(/^\/+/, ''),
    '{query}': query,
  };
  const expanded = split(location.path.replace(PLACEHOLDER, (key) => values[key] ?? ''));
  if (expanded.path.startsWith('/')) return expanded;
  let folder = path.slice(0, slash + 1);
  let rest = expanded.path;
  for (let dots = DOTS.exec(rest); dots !== null; dots = DOTS.exec(rest)) {
    rest = rest.slice(dots[0].length);
    if (dots[0] === '../') folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  }
  return { path: folder + rest, query: expanded.query };
}

const DOTS = /^\.\.?\//;

/** Whether a path, without its query, is that of a checksum file. Only meaningful on the server of the location. */
export const isSidecarPath = ({ pattern }: SidecarLocation, target: string): boolean =>
  pattern.test(split(target).path);

function toPattern(location: string): RegExp {
  const pattern = split(location)
    .path.replace(/^(?:\.\.?\/)+/, '')
    .replace(/\{name\}|\{path\}|[^{]+/g, (part) => {
      if (part === '{name}') return '[^/]+';
      return part === '{path}' ? '.+' : part.replace(/[.*+?^$()|[\]]/g, String.raw`\$&`);
    });
  return new RegExp(location.startsWith('/') ? `^${pattern}$` : `(?:^|/)${pattern}$`);
}

function split(target: string): PathParts {
  const question = target.search(/\?|\{query\}/);
  return question < 0
    ? { path: target, query: '' }
    : { path: target.slice(0, question), query: target.slice(question) };
}
