import type { Command } from 'commander';
import type { AccessRule } from '../access/access-option.js';
import { UsageError } from './usage-error.js';

/** The access flags, as given on the command line. */
export interface AccessFlags {
  accessTokenFile?: string;
  basicFile?: string;
  jwtKeys?: string;
  jwtIssuer?: string;
  jwtAudience?: string;
  forwardAuth?: string;
  forwardAuthHeader?: string[];
}

export function addAccessFlags(command: Command): Command {
  return command
    .option(
      '--access-token-file <file>',
      'accept only requests with a token of this file (Authorization: Bearer); one per line, optionally as "name:token"',
    )
    .option(
      '--basic-file <file>',
      'accept only users of this file with their passwords (Authorization: Basic), as htpasswd -B writes them; with several access flags, accept what any of them accepts',
    )
    .option(
      '--jwt-keys <url or file>',
      'accept only requests with a JSON Web Token that one of these public keys has signed; needs --jwt-issuer and --jwt-audience',
    )
    .option('--jwt-issuer <text>', 'the iss of the tokens')
    .option('--jwt-audience <text>', 'the aud of the tokens')
    .option(
      '--forward-auth <url>',
      'accept only requests that this service answers with 2xx; its redirects, 401 and 403 are passed on',
    )
    .option(
      '--forward-auth-header <name>',
      'field of its response that the origin server gets; repeatable',
      (name: string, previous: string[] | undefined) => [...(previous ?? []), name],
    );
}

/** The access rule of the flags. Undefined without a flag: every request is served. Throws a `UsageError`. */
export function toAccessRule(flags: AccessFlags): AccessRule | undefined {
  const { accessTokenFile, basicFile, forwardAuth, forwardAuthHeader: copyHeaders } = flags;
  const rules: AccessRule[] = [];
  if (accessTokenFile !== undefined) rules.push({ bearer: { tokens: { file: accessTokenFile } } });
  if (basicFile !== undefined) rules.push({ basic: { users: { file: basicFile } } });
  const jwt = toJwtRule(flags);
  if (jwt !== null) rules.push({ jwt });
  if (copyHeaders !== undefined && forwardAuth === undefined)
    throw new UsageError('--forward-auth-header needs --forward-auth');
  if (forwardAuth !== undefined)
    rules.push({ forwardAuth: { url: forwardAuth, ...(copyHeaders !== undefined && { copyHeaders }) } });
  return rules.length > 1 ? { any: rules } : rules[0];
}

function toJwtRule({ jwtKeys, jwtIssuer, jwtAudience }: AccessFlags): AccessRule | null {
  const given = [jwtKeys, jwtIssuer, jwtAudience].filter((flag) => flag !== undefined);
  if (given.length === 0) return null;
  if (given.length < 3) throw new UsageError('--jwt-keys, --jwt-issuer and --jwt-audience need each other');
  const jwks = jwtKeys?.includes('://') === true ? jwtKeys : { file: jwtKeys };
  return { issuer: jwtIssuer, audience: jwtAudience, jwks };
}
