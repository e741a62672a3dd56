import { Command } from 'commander';
import { gatewayOptions } from 'sluiceway/options';
import { FlagSource } from './flag-source.js';
import { type GatewayFlags, gatewayFlagOf, toGatewayOptions } from './gateway-flags.js';
import { addOptionFlags, downloadFlags } from './option-flags.js';
import { run } from './run.js';
import { addListenOptions, addTransferOptions, allFlagsOf, collect, toConfig } from './serve-flags.js';

const notes = `
A gateway serves files of other servers. It accepts links that sluiceway sign makes with the same keys. By default it
connects only to public addresses, on ports 80 and 443; the --allow flags change this.

--unsigned also serves GET /download?url=… for any URL in the query. It requires --allow-host, or an access flag such as
--access-token-file, so that the gateway does not fetch any URL for any client. --allow-host '*' allows all public hosts.

The gateway reads the key file again when it changes, and at once on SIGHUP. Running downloads continue.

Everything else works as in sluiceway proxy: see its help.

Examples:
  sluiceway keys new --out keys.json
  sluiceway gateway --keys keys.json --listen :8080
  sluiceway sign https://bucket.example.com/file.zip --keys keys.json --base http://localhost:8080 --expires 1h`;

/** `sluiceway gateway`. Calls `onExit` with the exit code when the gateway has stopped. */
export function gatewayCommand(onExit: (code: number) => void): Command {
  const command = new Command('gateway')
    .description('serve files of other servers by signed links')
    .option(
      '--keys <file>',
      'key file that sluiceway keys new has made; required, unless --unsigned is given',
    )
    .option('--path <path>', 'path of the gateway (default /download)')
    .option('--unsigned', 'also serve GET /download?url=…, from hosts of --allow-host')
    .option('--allow-host <pattern>', 'allowed host: a host, *.host or URL prefix*; can be repeated', collect)
    .option('--deny-host <pattern>', 'refused host: a host, *.host or URL prefix*; can be repeated', collect)
    .option(
      '--allow-address <cidr>',
      'allowed address or range, although it is not public; can be repeated',
      collect,
    )
    .option('--deny-address <cidr>', 'refused address or range; can be repeated', collect)
    .option(
      '--allow-port <port>',
      'allowed port, instead of 80 and 443; can be repeated; "any" allows all',
      collect,
    );
  addOptionFlags(command, gatewayOptions, downloadFlags)
    .option(
      '--ignore-parameter <name>',
      'ignored query parameter that others append to links, such as fbclid or utm_*; can be repeated',
      collect,
    )
    .option(
      '--cors <origin>',
      'let scripts of this origin download; can be repeated; "*" allows all',
      collect,
    );
  addTransferOptions(addListenOptions(command));
  return command
    .addHelpText('after', notes)
    .action(async (flags: GatewayFlags) => onExit(await runGateway(flags)));
}

/** Runs until a signal stops it. Resolves with the exit code; throws a `UsageError` or a `ListenError`. */
function runGateway(flags: GatewayFlags): Promise<number> {
  const flagOf = allFlagsOf(gatewayFlagOf);
  return run({
    read: () => new FlagSource(toConfig(flags, { gateway: toGatewayOptions(flags) }), flagOf),
    what: () => (flags.unsigned === true ? 'serving links and URLs' : 'serving links'),
  });
}
