import { Command, Option } from 'commander';
import { createProxy } from 'sluiceway';
import {
  type ProxyFlags,
  proxyFlagOf,
  toProxyOptions,
  type UpstreamProtocol,
  upstreamProtocols,
} from './proxy-flags.js';
import { serve, transferLog } from './serve.js';
import {
  addListenOptions,
  addTransferOptions,
  collect,
  createChecked,
  resolveServeFlags,
} from './serve-flags.js';

const notes = `
Durations are written as 500ms, 30s, 10m or 1h30m, sizes as 64KiB, 1MiB or 10MB. 0 turns a timeout or limit
off, but for --connect-timeout, which must be one, and --drain-timeout, where 0 is no time at all.

The line on standard output says where the proxy listens. Each transfer that has ended is one line on
standard error; --log sets its form.

SIGTERM and SIGINT (Ctrl-C) stop the proxy: it accepts no more connections, and transfers that are running
have the time of --drain-timeout to end. WebSockets are closed in their own words. A second signal ends it at once.
SIGHUP ends nothing.

Exit codes:
  0    stopped, and no transfer was cut off
  1    it could not listen, or transfers were cut off when the time of --drain-timeout was over
  2    the command line is wrong
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  sluiceway proxy http://127.0.0.1:9000
  sluiceway proxy https://files.example.org --listen :80
  sluiceway proxy http://127.0.0.1:9000 --basic-file .htpasswd
  sluiceway proxy http://10.0.0.5:9000 --listen :443 --cert chain.pem --key key.pem`;

/** `sluiceway proxy`; `onExit` is told the exit code when the proxy has stopped. */
export function proxyCommand(onExit: (code: number) => void): Command {
  const command = new Command('proxy')
    .description('forward every request to one origin server')
    .argument(
      '<origin-url>',
      'http: or https: URL of the origin server; a path in it is put before each request path',
    );
  addListenOptions(command)
    .option(
      '--mirror <url>',
      'another server with the same files, which takes over where one fails, even in the middle of a file; may be repeated',
      collect,
    )
    .option(
      '--egress-proxy <url>',
      'reach the origin server through this HTTP proxy (CONNECT); "environment": the one that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name',
    )
    .addOption(
      new Option(
        '--upstream-protocol <protocol>',
        'what to speak with the origin server; "auto": HTTP/2 where an https: one chooses it',
      )
        .choices(upstreamProtocols)
        .default('http1' satisfies UpstreamProtocol),
    );
  addTransferOptions(command)
    .option(
      '--tunnel-idle-timeout <duration>',
      'while nothing passes through a WebSocket or other tunnel (default 1h)',
    )
    .option(
      '--tunnel-drain <duration>',
      'how long WebSockets go on when the proxy is stopped, before they are closed with 1001 (default 0)',
    )
    .option('--max-upload <size>', 'of request content; more is refused with 413 (default off)')
    .option(
      '--forwarded-port',
      'tell the origin server which port the client asked for, in X-Forwarded-Port (default false)',
    );
  return command
    .addHelpText('after', notes)
    .action(async (originUrl: string, flags: ProxyFlags) => onExit(await runProxy(originUrl, flags)));
}

/** Runs until a signal stops it; resolves with the exit code. Throws a `UsageError` or a `ListenError`. */
async function runProxy(originUrl: string, flags: ProxyFlags): Promise<number> {
  const options = toProxyOptions(originUrl, flags);
  const settings = resolveServeFlags(flags);
  const proxy = createChecked(
    () => createProxy({ ...options, observers: transferLog(flags.log) }),
    proxyFlagOf,
  );
  return serve(proxy, `forwarding to ${originUrl.replace(/\/$/, '')}`, settings, flags);
}
