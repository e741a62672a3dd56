import type { Command } from 'commander';
import type { AccessRule } from '../access/access-option.js';

/** The access flags, as given on the command line. */
export interface AccessFlags {
  accessTokenFile?: string;
  basicFile?: string;
}

export function addAccessFlags(command: Command): Command {
  return command
    .option(
      '--access-token-file <file>',
      'accept only requests with a token of this file (Authorization: Bearer); one per line, optionally as "name:token"',
    )
    .option(
      '--basic-file <file>',
      'accept only users of this file with their passwords (Authorization: Basic), as htpasswd -B writes them; with --access-token-file, accept either',
    );
}

/** The access rule of the flags. Undefined without a flag: every request is served. */
export function toAccessRule({ accessTokenFile, basicFile }: AccessFlags): AccessRule | undefined {
  const rules: AccessRule[] = [];
  if (accessTokenFile !== undefined) rules.push({ bearer: { tokens: { file: accessTokenFile } } });
  if (basicFile !== undefined) rules.push({ basic: { users: { file: basicFile } } });
  return rules.length > 1 ? { any: rules } : rules[0];
}
