import { isObject } from './library-options.js';

const MASK = '********';

/** The paths of secrets, by their ends. `*` matches any name, and `[]` any index. */
const SECRETS: readonly RegExp[] = [
  /\.keys\[\d+\]\.secret$/,
  /\.tokens\[\d+\]$/,
  /\.tokens\.[^.]+$/,
  /\.users\.[^.]+$/,
  /\.externalAccount\.key$/,
  /\.jwt\.secret$/,
  /\.sticky\.secret$/,
  /\.store\.sentinel\.password$/,
  // Fields for origin servers are often credentials, and the file does not show which ones are.
  /\.headers\.request\.(?:set|append)\..+$/,
  /\.headers\.response\.(?:set|append)\.set-cookie(?:\[\d+\])?$/i,
];

/** A reference does not reveal its value. */
const REFERENCES_ONLY = /^(?:\$\{(?:env:[^{}]*|file:[^{}]*)\})+$/;

/** A value without its secrets. References to variables and files stay, and show where a secret is. */
export function maskSecrets(value: unknown, path = ''): unknown {
  if (Array.isArray(value)) return value.map((each: unknown, i) => maskSecrets(each, `${path}[${i}]`));
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        maskKey(path, name),
        maskSecrets(each, `${path}.${name}`),
      ]),
    );
  }
  if (typeof value !== 'string') return isSecret(path) && value !== null ? MASK : value;
  if (isSecret(path) && !REFERENCES_ONLY.test(value)) return MASK;
  return maskText(withoutFallbacks(value));
}

/** Names of users are not secrets. But if a file confuses names and tokens, the tokens must not be shown. */
function maskKey(path: string, name: string): string {
  return path.endsWith('.tokens') && name !== 'file' && name.length >= 16 ? MASK : name;
}

const isSecret = (path: string): boolean =>
  !path.endsWith('.file') && !path.endsWith('.env') && SECRETS.some((pattern) => pattern.test(path));

/** The fallback of a variable that is not set may be a password for development. */
const withoutFallbacks = (text: string): string =>
  text.replaceAll(/(\$\{env:[^{}:]*):-[^{}]+\}/g, `$1:-${MASK}}`);

/** Masks keys in PEM, passwords in URLs, and queries of URLs, in which presigned URLs carry their signature. */
function maskText(text: string): string {
  return text
    .replaceAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK)
    .replaceAll(/:\/\/(?!\$\{env:[^{}]*\}@)[^/?#\s]*@/g, `://${MASK}@`)
    .replaceAll(/\S+/g, maskQuery);
}

/** Masks the query of a word that has a URL. References to variables stay. */
function maskQuery(word: string): string {
  const start = word.indexOf('://');
  const query = start === -1 ? -1 : word.indexOf('?', start) + 1;
  if (query <= 0 || query === word.length || word[query] === '{' || word[query] === '#') return word;
  const end = word.indexOf('#', query);
  return word.slice(0, query) + MASK + (end === -1 ? '' : word.slice(end));
}
