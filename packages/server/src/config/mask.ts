import { isObject } from './library-options.js';

const MASK = '********';

/** The ends of the paths of secrets. `*` is any name, and `[]` any index of a list. */
const SECRETS: readonly (readonly string[])[] = [
  ['keys', '[]', 'secret'],
  ['tokens', '[]'],
  ['tokens', '*'],
  ['users', '*'],
  ['externalAccount', 'key'],
  ['jwt', 'secret'],
  ['sticky', 'secret'],
  ['store', 'sentinel', 'password'],
  // Fields for origin servers are often credentials, and the file does not show which ones are.
  ...['set', 'append'].flatMap((change) => [
    ['headers', 'request', change, '*'],
    ['headers', 'request', change, '*', '[]'],
    ['headers', 'response', change, 'set-cookie'],
    ['headers', 'response', change, 'set-cookie', '[]'],
  ]),
];

/** A reference does not reveal its value. */
const REFERENCES_ONLY = /^(?:\$\{(?:env:[^{}]*|file:[^{}]*)\})+$/;

/** A value without its secrets. References to variables and files stay, and show where a secret is. */
export function maskSecrets(value: unknown, path: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => maskSecrets(each, [...path, '[]']));
  if (isObject(value)) {
    if (isFile(value, path)) return { file: maskSecrets(value['file']) };
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [maskKey(path, name), maskSecrets(each, [...path, name])]),
    );
  }
  if (typeof value !== 'string') return isSecret(path) && value !== null ? MASK : value;
  if (isSecret(path) && !REFERENCES_ONLY.test(value)) return MASK;
  return maskText(withoutFallbacks(value));
}

/** Whether an object names the file that has the tokens or users. */
const isFile = (value: object, path: readonly string[]): boolean =>
  Object.keys(value).join() === 'file' && (path.at(-1) === 'tokens' || path.at(-1) === 'users');

/** Names of users are not secrets. But if a file confuses names and tokens, the tokens must not be shown. */
const maskKey = (path: readonly string[], name: string): string =>
  path.at(-1) === 'tokens' && name.length >= 16 ? MASK : name;

const isSecret = (path: readonly string[]): boolean =>
  SECRETS.some((end) => {
    const last = path.slice(-end.length);
    return last.length === end.length && end.every((each, i) => isNamed(last[i] ?? '', each));
  });

/** Names of fields are the same in any case. */
const isNamed = (name: string, wanted: string): boolean =>
  wanted === '*'
    ? name !== '[]'
    : name === wanted || (wanted === 'set-cookie' && name.toLowerCase() === wanted);

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
