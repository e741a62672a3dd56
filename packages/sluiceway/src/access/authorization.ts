import { isToken, type ReadonlyFields } from '../http/fields.js';
import type { Checker } from '../options/checker.js';
import type { AccessGrant, AccessRefusal } from './policy.js';

/** Options of the policies that read the `Authorization` field. */
export interface CredentialOptions {
  /** The realm in the challenge. Browsers may show it. Printable ASCII. Default `restricted`. */
  realm?: string;
  /**
   * Whether to send the `Authorization` field that the policy has accepted to the origin server. Default false: the
   * credentials are for this proxy, and the origin server does not see them.
   */
  keepCredentials?: boolean;
}

/** The decisions that these policies share. */
export interface CredentialAnswers {
  grant(identity: string | null): AccessGrant;
  /** `parameters` are added to the challenge, after the realm. */
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

/** Formats a challenge (RFC 9110 section 11.6.1). All values are quoted strings, which most clients expect. */
function formatChallenge(scheme: string, parameters: Readonly<Record<string, string>>): string {
  const list = Object.entries(parameters).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`,
  );
  return `${scheme} ${list.join(', ')}`;
}

/**
 * Reads the credentials of `scheme` from a request (RFC 9110 section 11.4). Returns null if there are none or if they
 * have another scheme, and `malformed` if they are ambiguous. Several field lines are ambiguous: an origin server that
 * gets them could use another line than this proxy.
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
