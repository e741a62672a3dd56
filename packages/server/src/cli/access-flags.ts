import type { Command } from 'commander';
import { type AccessPolicy, anyOf, basic, bearer, OptionsError } from 'sluiceway';
import { readFlag } from './usage-error.js';

/** The flags that say who has access, as the command line gives them. */
export interface AccessFlags {
  accessTokenFile?: string;
  basicFile?: string;
}

export function addAccessFlags(command: Command): Command {
  return command
    .option(
      '--access-token-file <file>',
      'let in only who has one of these tokens (Authorization: Bearer); one a line, "name:token" to name who has it',
    )
    .option(
      '--basic-file <file>',
      'let in only users with their passwords (Authorization: Basic), as htpasswd -B writes them; with --access-token-file: either',
    );
}

/** What the flags say; undefined where everybody has access. */
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
