import { isUtf8 } from 'node:buffer';
import { clientKey } from '../net/client-key.js';
import { Checker } from '../options/checker.js';
import { type CredentialOptions, readCredentials, resolveAnswers } from './authorization.js';
import { type BasicUsers, resolveUsers } from './basic-users.js';
import { Passwords } from './passwords.js';
import type { AccessPolicy } from './policy.js';

/**
 * Lets in users with their passwords, which come in `Authorization: Basic …` (RFC 7617). The identity is the user's
 * name. Of passwords only hashes are known. A client with 10 wrong passwords gets 429 without a look at more of them,
 * until 5 s have passed for each; clients are told apart by their address (IPv6: by their /64), so a proxy in front of this one has to be
 * one of the `trustedProxies`. Throws an `OptionsError` that lists every problem, and repeats no hash.
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
 * RFC 7617 section 2, to the letter: padded base64 of a name, a colon and a password without control characters. The
 * package basic-auth would do, but makes one and the same of different bytes: it skips what is no base64, and reads
 * every byte that is no UTF-8 as U+FFFD. Such bytes are taken for latin1 here, which some clients still send
 * although the challenge asks for UTF-8.
 */
export function parseBasic(token: string): { user: string; password: string } | null {
  const bytes = Buffer.from(token, 'base64');
  if (bytes.toString('base64') !== token) return null;
  const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
  const colon = text.indexOf(':');
  if (colon < 0 || /\p{Cc}/u.test(text)) return null;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
