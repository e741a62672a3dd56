import type { GatewayOptions } from 'sluiceway/gateway';
import { toAccessRule } from './access-flags.js';
import { downloadFlags, flagsByOption, orOff, readNumber } from './option-flags.js';
import { given, type ServeFlags, toServedOptions } from './serve-flags.js';
import { UsageError } from './usage-error.js';

/** The flags of `sluiceway gateway` as given on the command line. */
export interface GatewayFlags extends ServeFlags {
  keys?: string;
  path?: string;
  unsigned?: boolean;
  allowHost?: string[];
  denyHost?: string[];
  allowAddress?: string[];
  denyAddress?: string[];
  allowPort?: string[];
  maxFile?: string;
  maxTransfers?: string;
  maxTransfersPerClient?: string;
  ignoreParameter?: string[];
  cors?: string[];
}

/** Flag of each option, for error messages. */
export const gatewayFlagOf: Readonly<Record<string, string>> = {
  keys: '--keys',
  path: '--path',
  unsigned: '--unsigned',
  'tls.ca': '--ca',
  'guard.allowHosts': '--allow-host',
  'guard.denyHosts': '--deny-host',
  'guard.allowAddresses': '--allow-address',
  'guard.denyAddresses': '--deny-address',
  'guard.allowPorts': '--allow-port',
  ...flagsByOption(downloadFlags),
  ignoredParameters: '--ignore-parameter',
  'cors.origins': '--cors',
};

/** Only the options that were given: the library has the defaults. Throws a `UsageError`. */
export function toGatewayOptions(flags: GatewayFlags): GatewayOptions {
  checkOpenness(flags);
  const { limits, ...served } = toServedOptions(flags);
  const { allowHost, denyHost, allowAddress, denyAddress, allowPort, ignoreParameter, cors } = flags;
  const transfers = readLimit('--max-transfers', flags.maxTransfers);
  const transfersPerClient = readLimit('--max-transfers-per-client', flags.maxTransfersPerClient);
  return {
    ...served,
    ...(flags.keys !== undefined && { keys: { file: flags.keys } }),
    ...given({ path: flags.path }),
    unsigned: flags.unsigned ?? false,
    guard: {
      ...(allowHost && { allowHosts: allowHost }),
      ...(denyHost && { denyHosts: denyHost }),
      ...(allowAddress && { allowAddresses: allowAddress }),
      ...(denyAddress && { denyAddresses: denyAddress }),
      ...(allowPort && {
        allowPorts: allowPort.includes('any')
          ? 'any'
          : allowPort.map((port) => readNumber('--allow-port', port) ?? 0),
      }),
    },
    limits: {
      ...limits,
      ...(flags.maxFile !== undefined && { fileBytes: orOff(flags.maxFile) }),
      ...(transfers !== undefined && { transfers }),
      ...(transfersPerClient !== undefined && { transfersPerClient }),
    },
    ...(ignoreParameter && { ignoredParameters: ignoreParameter }),
    ...(cors && { cors: { origins: cors.includes('*') ? '*' : cors } }),
  };
}

/** The library checks this too, but its messages name options instead of flags. */
function checkOpenness(flags: GatewayFlags): void {
  const { keys, unsigned = false, allowHost } = flags;
  if (keys === undefined && !unsigned)
    throw new UsageError('--keys: is required, unless --unsigned is given');
  if (unsigned && allowHost === undefined && toAccessRule(flags) === undefined) {
    throw new UsageError(
      "--unsigned: needs --allow-host ('*' for any host), --access-token-file or --basic-file, or another access flag: otherwise any client could fetch any URL through this gateway",
    );
  }
}

function readLimit(flag: string, text: string | undefined): number | false | undefined {
  return text !== undefined && orOff(text) === false ? false : readNumber(flag, text);
}
