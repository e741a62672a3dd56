import type { Command } from 'commander';
import { type AccessPolicy, anyOf, basic, bearer, OptionsError } from 'sluiceway';
import { readFlag } from './usage-error.js';

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

/** The access policy of the flags. Undefined without a flag: every request is served. */
export function resolveAccess({ accessTokenFile, basicFile }: AccessFlags): AccessPolicy | undefined {
  const policies: AccessPolicy[] = [];
  if (accessTokenFile !== undefined)
    policies.push(readPolicy('--access-token-file', () => bearer({ file: accessTokenFile })));
  if (basicFile !== undefined) policies.push(readPolicy('--basic-file', () => basic({ file: basicFile })));
  return policies.length > 1 ? anyOf(...policies) : policies[0];
}

function readPolicy(flag: string, create: () => AccessPolicy): AccessPolicy {
  return readFlag(flag, () => {
    try {
      return create();
    } catch (error) {
      if (!(error instanceof OptionsError)) throw error;
      throw new Error(error.problems.map(({ message }) => message).join('; '), { cause: error });
    }
  });
}
