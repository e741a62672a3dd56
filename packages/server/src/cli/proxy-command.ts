import { Command, Option } from 'commander';
import { proxyOptions } from 'sluiceway/options';
import { FlagSource } from './flag-source.js';
import { addGroupFlags } from './group-flags.js';
import { addOptionFlags, tunnelAndUploadFlags } from './option-flags.js';
import {
  type ProxyFlags,
  proxyFlagOf,
  proxyProtocolVersions,
  toProxyOptions,
  type UpstreamProtocol,
  upstreamProtocols,
} from './proxy-flags.js';
import { run } from './run.js';
import { addListenOptions, addTransferOptions, allFlagsOf, collect, toConfig } from './serve-flags.js';

const notes = `
Write durations as 500ms, 30s, 10m or 1h30m, and sizes as 64KiB, 1MiB or 10MB. off turns a timeout or limit off,
except --connect-timeout, --tunnel-drain and --drain-timeout. 0 means zero.

A line on standard output tells where the proxy listens. Each transfer writes one line to standard error when it ends;
--log sets the format.

SIGTERM and SIGINT (Ctrl-C) stop the proxy: it accepts no more connections, and running transfers have --drain-timeout
to finish. WebSockets get a Close frame. A second signal ends the proxy at once. SIGHUP does not end it.

Exit codes:
  0    stopped, and no transfer was cut off
  1    it could not listen, or transfers were cut off after --drain-timeout
  2    the command line is not valid
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  sluiceway proxy http://127.0.0.1:9000
  sluiceway proxy https://files.example.org --listen :80
  sluiceway proxy http://10.0.0.5:9000 http://10.0.0.6:9000 --balance least-bytes
  sluiceway proxy http://127.0.0.1:9000 --basic-file .htpasswd
  sluiceway proxy http://10.0.0.5:9000 --listen :443 --cert chain.pem --key key.pem`;

/** `sluiceway proxy`. Calls `onExit` with the exit code when the proxy has stopped. */
export function proxyCommand(onExit: (code: number) => void): Command {
  const command = new Command('proxy')
    .description('forward every request to an origin server, or to one of several')
    .argument(
      '<origin-url...>',
      'http: or https: URL of the origin server; its path is prepended to the path of each request. Several URLs are a group of servers that serve the same',
    );
  addListenOptions(command)
    .option(
      '--mirror <url>',
      'another server with the same files, which takes over if one fails, even in the middle of a file; can be repeated',
      collect,
    )
    .option(
      '--cors <origin>',
      'let scripts of this origin read responses; can be repeated; "*" allows all',
      collect,
    )
    .option(
      '--egress-proxy <url>',
      'reach the origin server through this HTTP proxy (CONNECT); "environment" uses HTTPS_PROXY, HTTP_PROXY and NO_PROXY',
    )
    .addOption(
      new Option(
        '--upstream-protocol <protocol>',
        'protocol for the origin server; "auto" is HTTP/2 if an https: server chooses it, otherwise HTTP/1.1',
      )
        .choices(upstreamProtocols)
        .default('http1' satisfies UpstreamProtocol),
    )
    .addOption(
      new Option(
        '--upstream-proxy-protocol <version>',
        "tell the origin server the client's address by a PROXY protocol header",
      ).choices(proxyProtocolVersions),
    );
  addGroupFlags(command);
  addTransferOptions(command);
  addOptionFlags(command, proxyOptions, tunnelAndUploadFlags);
  return command
    .addHelpText('after', notes)
    .action(async (originUrls: string[], flags: ProxyFlags) => onExit(await runProxy(originUrls, flags)));
}

/** Runs until a signal stops it. Resolves with the exit code; throws a `UsageError` or a `ListenError`. */
function runProxy(originUrls: readonly string[], flags: ProxyFlags): Promise<number> {
  const flagOf = allFlagsOf(proxyFlagOf);
  return run({
    read: () => new FlagSource(toConfig(flags, { proxy: toProxyOptions(originUrls, flags) }), flagOf),
    what: () => `forwarding to ${originUrls.map((url) => url.replace(/\/$/, '')).join(', ')}`,
  });
}
