import { resolve } from 'node:path';
import type { Command } from 'commander';
import { isObject } from '../config/library-options.js';
import type { ConfigSource } from '../config/source.js';
import { UsageError } from './usage-error.js';

/** The flags of every command that serves that are about its operation, as given on the command line. */
export interface OperationFlags {
  admin?: string;
  adminTokenFile?: string;
  workers?: string;
  store?: string;
}

export function addOperationOptions(command: Command): Command {
  return command
    .option(
      '--admin <host:port>',
      'also listen on this address, for the dashboard, the API, health and metrics; "unix:path" for a Unix socket; off by default',
    )
    .option(
      '--admin-token-file <file>',
      'give access to --admin only with a token of this file (Authorization: Bearer); required if other machines can reach the address',
    )
    .option('--workers <n>', 'number of processes that serve; "auto" is one for each core; 1 by default')
    .option(
      '--store <url>',
      'share limits and the state of links with other machines through this Redis or Valkey server: redis://host:6379, rediss:// for TLS, or unix:path',
    );
}

/** The options that the flags set. Throws a `UsageError`. */
export function toOperationConfig(
  { admin, adminTokenFile, workers, store }: OperationFlags,
  before: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const written = before['admin'];
  if (adminTokenFile !== undefined && admin === undefined && written === undefined)
    throw new UsageError('--admin-token-file: needs --admin');
  const processes = {
    ...(workers !== undefined && { workers: /^\d{1,9}$/.test(workers) ? Number(workers) : workers }),
    ...(store !== undefined && { store: absolute(store) }),
  };
  if (admin === undefined && adminTokenFile === undefined) return processes;
  return {
    ...processes,
    admin: {
      ...(isObject(written) && written),
      ...(admin !== undefined && { address: absolute(admin) }),
      ...(adminTokenFile !== undefined && {
        access: { bearer: { tokens: { file: resolve(adminTokenFile) } } },
      }),
    },
  };
}

/** A path on the command line begins at the current directory, and not at that of the file. */
const absolute = (address: string): string =>
  address.replace(/^unix:(?=.)(.*)$/, (_, path: string) => `unix:${resolve(path)}`);

/** A configuration file with options that flags override. Its problems name the flags. */
export function overrideSource(file: ConfigSource, flags: OperationFlags): ConfigSource {
  const override = (value: unknown): unknown =>
    isObject(value) ? { ...value, ...toOperationConfig(flags, value) } : value;
  return {
    value: override(file.value),
    written: override(file.written),
    directory: file.directory,
    toError: (problems) => {
      const flagOf = (path: string): string | undefined => {
        if (flags.admin !== undefined && path === 'admin.address') return '--admin';
        if (flags.adminTokenFile !== undefined && path.startsWith('admin.access'))
          return '--admin-token-file';
        if (flags.workers !== undefined && path === 'workers') return '--workers';
        if (flags.store !== undefined && path === 'store') return '--store';
        return undefined;
      };
      const ofFlag = problems.find(({ path }) => flagOf(path) !== undefined);
      if (ofFlag === undefined) return file.toError(problems);
      return new UsageError(`${flagOf(ofFlag.path)}: ${ofFlag.message}`);
    },
    toListenError: (path, error) => {
      if (flags.admin !== undefined && path === 'admin.address')
        return new UsageError(`--admin: ${error.message}`);
      return file.toListenError?.(path, error) ?? error;
    },
  };
}
