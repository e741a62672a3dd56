import { Command } from 'commander';
import { createDownloadGateway } from 'sluiceway/gateway';
import { type GatewayFlags, gatewayFlagOf, toGatewayOptions } from './gateway-flags.js';
import { serve, transferLog } from './serve.js';
import {
  addListenOptions,
  addTransferOptions,
  collect,
  createChecked,
  resolveServeFlags,
} from './serve-flags.js';

const notes = `
A gateway serves files of other servers, under links that sluiceway sign makes with the same keys. It connects
to public addresses at the ports 80 and 443 only, unless the flags with allow say otherwise.

--unsigned also serves GET /download?url=…, for whatever URL somebody writes there. It needs --allow-host,
--access-token-file or --basic-file, so that not everybody can fetch everything through here; --allow-host '*'
says that they may.

A key file that changes is read again, at once on SIGHUP; running downloads go on.

Everything else is as for sluiceway proxy: see its help.

Examples:
  sluiceway keys new --out keys.json
  sluiceway gateway --keys keys.json --listen :8080
  sluiceway sign https://bucket.example.com/file.zip --keys keys.json --base http://localhost:8080 --expires 1h`;

/** `sluiceway gateway`; `onExit` is told the exit code when the gateway has stopped. */
export function gatewayCommand(onExit: (code: number) => void): Command {
  const command = new Command('gateway')
    .description('serve files of other servers under signed links')
    .option('--keys <file>', 'keys that links are signed with, as sluiceway keys new makes them')
    .option('--path <path>', 'where links begin (default /download)')
    .option('--unsigned', 'serve GET /download?url=… too, from hosts that --allow-host names')
    .option(
      '--allow-host <pattern>',
      'host, *.host or URL prefix* that may be asked; can be repeated',
      collect,
    )
    .option(
      '--deny-host <pattern>',
      'host, *.host or URL prefix* that may not be asked; can be repeated',
      collect,
    )
    .option(
      '--allow-address <cidr>',
      'address or range that may be connected to although it is not public; can be repeated',
      collect,
    )
    .option(
      '--deny-address <cidr>',
      'address or range that may not be connected to; can be repeated',
      collect,
    )
    .option('--allow-port <port>', 'port in place of 80 and 443; can be repeated; "any" for all', collect)
    .option('--max-file <size>', 'of one file (default off)')
    .option('--max-transfers <n>', 'downloads at a time (default off)')
    .option('--max-transfers-per-client <n>', 'downloads at a time of one client (default off)')
    .option(
      '--ignore-parameter <name>',
      'query parameter that may be appended to links, such as fbclid or utm_*; can be repeated',
      collect,
    )
    .option('--cors <origin>', 'let scripts of this site download; can be repeated; "*" for all', collect);
  addTransferOptions(addListenOptions(command));
  return command
    .addHelpText('after', notes)
    .action(async (flags: GatewayFlags) => onExit(await runGateway(flags)));
}

/** Runs until a signal stops it; resolves with the exit code. Throws a `UsageError` or a `ListenError`. */
async function runGateway(flags: GatewayFlags): Promise<number> {
  const options = toGatewayOptions(flags);
  const settings = resolveServeFlags(flags);
  const gateway = createChecked(
    () => createDownloadGateway({ ...options, observers: transferLog(flags.log) }),
    gatewayFlagOf,
  );
  return serve(
    gateway,
    flags.unsigned === true ? 'serving links and URLs' : 'serving links',
    settings,
    flags,
  );
}
