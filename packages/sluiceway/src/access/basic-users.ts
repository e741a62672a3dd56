import type { Checker } from '../options/checker.js';
import { isFileOption, isIdentity, readCredentialFile } from './credential-file.js';
import { type PasswordHash, PasswordHashReader } from './password-hash.js';

/**
 * Users and the hashes of their passwords. Either an object that maps names to hashes, or a file as `htpasswd -B`
 * writes it, with one `name:hash` per line. If the only user is called `file`, use a file.
 *
 * A hash is either bcrypt (`$2a$`, `$2b$`, `$2y$`) or scrypt (`$scrypt$ln=…,r=…,p=…$salt$hash`, in base64 without
 * padding). bcrypt requires the `bcryptjs` package and uses only the first 72 bytes of a password.
 */
export type BasicUsers = Readonly<Record<string, string>> | { readonly file: string };

export function resolveUsers(check: Checker, users: BasicUsers): Map<string, PasswordHash> {
  const reader = new PasswordHashReader();
  const resolved = new Map<string, PasswordHash>();
  for (const { path, where, user, hash } of listUsers(check, users)) {
    const parsed = check.parsed(path, { user, hash }, null, (entry) => {
      try {
        if (resolved.has(entry.user)) throw new Error('appears twice');
        if (!isIdentity(entry.user) || entry.user.includes(':'))
          throw new TypeError('must have a name, without colons and control characters');
        if (typeof entry.hash !== 'string') throw new TypeError('must be a string');
        return reader.parse(entry.hash);
      } catch (error) {
        throw new Error(`${where}${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    });
    if (parsed !== null) resolved.set(user, parsed);
  }
  return resolved;
}

interface GivenUser {
  path: string;
  /** Prefix of the message when there is a problem. */
  where: string;
  user: string;
  hash: unknown;
}

function listUsers(check: Checker, users: BasicUsers): GivenUser[] {
  if (typeof users === 'object' && users !== null && isFileOption(users)) {
    return readCredentialFile(check, 'users.file', users.file).map(({ where, text }) => {
      const colon = text.indexOf(':');
      const [user, hash] = colon < 0 ? ['', text] : [text.slice(0, colon), text.slice(colon + 1)];
      return { path: 'users.file', where: `has an entry in ${where} that `, user, hash };
    });
  }
  check.required('users', users);
  const entries = check.record('users', users, (path, user, hash) => ({ path, where: '', user, hash }));
  if (users !== undefined && entries.length === 0) check.problem('users', 'must have at least one user');
  return entries;
}
