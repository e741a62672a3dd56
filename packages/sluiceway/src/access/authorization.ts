import { isToken, type ReadonlyFields } from '../http/fields.js';
import type { Checker } from '../options/checker.js';
import type { AccessGrant, AccessRefusal } from './policy.js';

/** Options of the policies that go by the field `Authorization`. */
export interface CredentialOptions {
  /** Named in the challenge; browsers may show it. Printable ASCII. Default `restricted`. */
  realm?: string;
  /**
   * Whether the origin server gets the `Authorization` that has let the client in. Default false: the secret was
   * meant for this proxy.
   */
  keepCredentials?: boolean;
}

/** What the answers of such a policy have in common. */
export interface CredentialAnswers {
  grant(identity: string | null): AccessGrant;
  /** `parameters` of the challenge, beside the realm. */
  refuse(reason: string, parameters?: Readonly<Record<string, string>>): AccessRefusal;
}

export function resolveAnswers(
  check: Checker,
  scheme: string,
  options: CredentialOptions,
  constant: Readonly<Record<string, string>> = {},
): CredentialAnswers {
  const { realm, keepCredentials } = check.group('', options, ['realm', 'keepCredentials']);
  const checked = check.string('realm', realm, 'restricted');
  if (!/^[\x20-\x7e]*$/.test(checked)) check.problem('realm', 'must be printable ASCII');
  const consumed = check.boolean('keepCredentials', keepCredentials, false) ? [] : ['Authorization'];
  return {
    grant: (identity) => ({ allowed: true, identity, consumed }),
    refuse: (reason, parameters = {}) => ({
      allowed: false,
      status: 401,
      challenge: formatChallenge(scheme, { realm: checked, ...constant, ...parameters }),
      reason,
    }),
  };
}

/** RFC 9110 section 11.6.1. All values as quoted strings, which is how most clients expect them. */
function formatChallenge(scheme: string, parameters: Readonly<Record<string, string>>): string {
  const list = Object.entries(parameters).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
  );
  return `${scheme} ${list.join(', ')}`;
}

/**
 * The credentials of `scheme` in a request (RFC 9110 section 11.4): null where there are none, also where there are
 * those of another scheme; `malformed` where nobody can tell which ones are meant. Several lines are: an origin
 * server that gets them could go by another than we.
 */
export function readCredentials(
  fields: ReadonlyFields,
  scheme: string,
): { value: string } | 'malformed' | null {
  const [line, ...more] = fields.getAll('authorization');
  if (line === undefined) return null;
  if (more.length > 0) return 'malformed';
  const end = line.indexOf(' ');
  const name = end < 0 ? line : line.slice(0, end);
  if (!isToken(name)) return 'malformed';
  if (name.toLowerCase() !== scheme) return null;
  const value = end < 0 ? '' : line.slice(end).replace(/^ +/, '');
  return TOKEN68.test(value) ? { value } : 'malformed';
}

/** RFC 9110 section 11.2. */
export const TOKEN68: RegExp = /^[A-Za-z0-9\-._~+/]+=*$/;
