import type { Checker } from '../options/checker.js';
import { TOKEN68 } from './authorization.js';
import { isFileOption, isIdentity, readCredentialFile } from './credential-file.js';

/**
 * Accepted tokens. Either a list, an object that maps each token to its identity, or a file with one `token` or
 * `identity:token` per line, where `#` begins a comment. Several tokens may have the same identity.
 *
 * A token has at least 16 characters: letters, digits and `-._~+/`, with `=` only at the end.
 */
export type BearerTokens = readonly string[] | Readonly<Record<string, string>> | { readonly file: string };

export interface KnownToken {
  secret: string;
  identity: string | null;
}

/** The shortest token that cannot be guessed over a network. */
const MIN_LENGTH = 16;

/** Error messages give the position of a token, never the token, even if it is the key of an object. */
export function resolveTokens(check: Checker, tokens: BearerTokens): KnownToken[] {
  const given = listTokens(check, tokens);
  const seen = new Set<string>();
  return given.flatMap(({ path, where, secret, identity, isKey }) => {
    const problem = judge(secret, identity, isKey) ?? (seen.has(String(secret)) ? 'appears twice' : null);
    if (problem !== null || typeof secret !== 'string') {
      check.problem(path, `${where}${problem}`);
      return [];
    }
    seen.add(secret);
    return [{ secret, identity: typeof identity === 'string' ? identity : null }];
  });
}

interface GivenToken {
  path: string;
  /** Prefix of the message when there is a problem. */
  where: string;
  secret: unknown;
  /** Null if there is none. */
  identity: unknown;
  /** Whether the token is the key of an object. */
  isKey: boolean;
}

function listTokens(check: Checker, tokens: BearerTokens): GivenToken[] {
  if (typeof tokens !== 'object' || tokens === null) {
    check.problem('tokens', 'must be a list, an object or { file }');
    return [];
  }
  if (!Array.isArray(tokens) && isFileOption(tokens)) {
    return readCredentialFile(check, 'tokens.file', tokens.file).map(({ where, text }) => {
      // A token contains no colon.
      const colon = text.lastIndexOf(':');
      return {
        path: 'tokens.file',
        where: `has a token in ${where} that `,
        secret: text.slice(colon + 1).trim(),
        identity: colon < 0 ? null : text.slice(0, colon).trim(),
        isKey: false,
      };
    });
  }
  const isList = Array.isArray(tokens);
  const entries: [unknown, unknown][] = isList
    ? tokens.map((secret: unknown) => [secret, null])
    : Object.entries(tokens);
  if (entries.length === 0) check.problem('tokens', 'must have at least one token');
  return entries.map(([secret, identity], index) => ({
    path: `tokens[${index}]`,
    where: '',
    secret,
    identity,
    isKey: !isList,
  }));
}

function judge(secret: unknown, identity: unknown, isKey: boolean): string | null {
  if (typeof secret !== 'string') return 'must be a string';
  if (secret.length < MIN_LENGTH) {
    const tooShort = `must have ${MIN_LENGTH} characters or more`;
    // Users of `basic` expect names as keys.
    return isKey ? `${tooShort}: the keys of the object are tokens, its values identities` : tooShort;
  }
  if (!TOKEN68.test(secret)) return 'must consist of letters, digits and -._~+/, with = at its end only';
  if (identity !== null && (typeof identity !== 'string' || !isIdentity(identity)))
    return 'must map to an identity that is a string without control characters';
  return null;
}
