import { isUtf8 } from 'node:buffer';
import { clientKey } from '../net/client-key.js';
import { Checker } from '../options/checker.js';
import { type CredentialOptions, readCredentials, resolveAnswers } from './authorization.js';
import { type BasicUsers, resolveUsers } from './basic-users.js';
import { Passwords } from './passwords.js';
import type { AccessPolicy } from './policy.js';

/**
 * Allows users who send their password in `Authorization: Basic …` (RFC 7617). The identity is the user's name. The
 * proxy stores only password hashes.
 *
 * After 10 wrong passwords, a client gets 429 without its password being checked. It regains one attempt every 5 s.
 * Clients are told apart by their address (IPv6: by their /64), so add any proxy in front of this one to
 * `trustedProxies`.
 *
 * Throws an `OptionsError` that lists every problem. The error contains no hashes.
 */
export function basic(users: BasicUsers, options: CredentialOptions = {}): AccessPolicy {
  const check = new Checker('basic');
  const hashes = resolveUsers(check, users);
  const answers = resolveAnswers(check, 'Basic', options, { charset: 'UTF-8' });
  check.throwIfAny();
  const passwords = new Passwords(hashes);
  return async ({ headers, forwarded }) => {
    const given = readCredentials(headers, 'basic');
    if (given === null) return answers.refuse('there are no Basic credentials');
    const credentials = given === 'malformed' ? null : parseBasic(given.value);
    if (credentials === null) return answers.refuse('the Authorization is not valid');
    const { user, password } = credentials;
    const verdict = await passwords.verify(user, password, clientKey(forwarded.for));
    if (verdict === 'right') return answers.grant(user);
    if (verdict === 'wrong') return answers.refuse('the user or the password is wrong');
    return { allowed: false, status: 429, reason: 'there were too many attempts at a password' };
  };
}

/**
 * Parses the credentials exactly as RFC 7617 section 2 requires: padded base64 of a name, a colon and a password
 * without control characters. The `basic-auth` package is not used because it maps different bytes to the same
 * credentials: it skips characters that are not base64, and decodes every byte that is not UTF-8 to U+FFFD. This
 * function decodes bytes that are not UTF-8 as Latin-1, which some clients still send although the challenge asks for
 * UTF-8.
 */
export function parseBasic(token: string): { user: string; password: string } | null {
  const bytes = Buffer.from(token, 'base64');
  if (bytes.toString('base64') !== token) return null;
  const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
  const colon = text.indexOf(':');
  if (colon < 0 || /\p{Cc}/u.test(text)) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
