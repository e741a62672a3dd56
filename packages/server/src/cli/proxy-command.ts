import { Command, Option } from 'commander';
import {
  attach,
  formatTransferJson,
  formatTransferText,
  type NodeServer,
  type Observer,
  type TransferRecord,
} from 'sluiceway';
import { Connections } from '../server/connections.js';
import { createH2cListener, createListener, type ListenAddress, listen } from '../server/listen.js';
import { drain, type Listener, waitForStopSignal } from '../server/shutdown.js';
import { complain, say } from './output.js';
import {
  type LogFormat,
  logFormats,
  type ProxyFlags,
  resolveFlags,
  type UpstreamProtocol,
  upstreamProtocols,
} from './proxy-flags.js';

const notes = `
Durations are written as 500ms, 30s, 10m or 1h30m, sizes as 64KiB, 1MiB or 10MB. 0 turns a timeout or limit
off, but for --connect-timeout, which must be one, and --drain-timeout, where 0 is no time at all.

The line on standard output says where the proxy listens. Each transfer that has ended is one line on
standard error; --log sets its form.

SIGTERM and SIGINT (Ctrl-C) stop the proxy: it accepts no more connections, and transfers that are running
have the time of --drain-timeout to end. WebSockets are closed in their own words. A second signal ends it at once.

Exit codes:
  0    stopped, and no transfer was cut off
  1    it could not listen, or transfers were cut off when the time of --drain-timeout was over
  2    the command line is wrong
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  sluiceway proxy http://127.0.0.1:9000
  sluiceway proxy https://files.example.org --listen :80
  sluiceway proxy http://10.0.0.5:9000 --listen :443 --cert chain.pem --key key.pem`;

/** `sluiceway proxy`; `onExit` is told the exit code when the proxy has stopped. */
export function proxyCommand(onExit: (code: number) => void): Command {
  return new Command('proxy')
    .description('forward every request to one origin server')
    .argument(
      '<origin-url>',
      'http: or https: URL of the origin server; a path in it is put before each request path',
    )
    .option(
      '--listen <host:port>',
      'where to listen; ":8080" for all addresses, port 0 for a free one',
      '127.0.0.1:8080',
    )
    .option('--cert <file>', 'serve HTTPS with this certificate (PEM, with its chain)')
    .option('--key <file>', 'private key of --cert (PEM)')
    .option('--no-http2', 'do not offer HTTP/2 to clients that connect with TLS')
    .option('--h2c <host:port>', 'listen here too, for HTTP/2 without TLS (prior knowledge) and nothing else')
    .option('--ca <file>', 'trust these certificate authorities, and no others, for the origin server (PEM)')
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
    )
    .option('--name <name>', 'the name of this proxy in the Via and CDN-Loop fields')
    .option(
      '--trusted-proxies <list>',
      'addresses and CIDR ranges, separated by commas, of proxies in front of this one whose word about the client is believed; "unix": peers on Unix sockets',
    )
    .option('--connect-timeout <duration>', 'to connect to the origin server, TLS included (default 10s)')
    .option('--response-head-timeout <duration>', 'from the request sent to the response head (default 60s)')
    .option(
      '--upstream-idle-timeout <duration>',
      'while the origin server alone holds a transfer up (default 60s)',
    )
    .option('--client-idle-timeout <duration>', 'while the client alone holds a transfer up (default 10m)')
    .option(
      '--tunnel-idle-timeout <duration>',
      'while nothing passes through a WebSocket or other tunnel (default 1h)',
    )
    .option(
      '--tunnel-drain <duration>',
      'how long WebSockets go on when the proxy is stopped, before they are closed with 1001 (default 0)',
    )
    .option('--total-timeout <duration>', 'for a whole transfer (default off)')
    .option('--min-rate <size>', 'bytes per second below which a transfer is ended (default off)')
    .option('--max-upload <size>', 'of request content; more is refused with 413 (default off)')
    .option('--drain-timeout <duration>', 'for running transfers to end when the proxy is stopped', '30s')
    .addOption(
      new Option('--log <format>', 'form of the transfer log')
        .choices(logFormats)
        .default('text' satisfies LogFormat),
    )
    .addHelpText('after', notes)
    .action(async (originUrl: string, flags: ProxyFlags) => onExit(await runProxy(originUrl, flags)));
}

/** Runs until a signal stops it; resolves with the exit code. Throws a `UsageError` or a `ListenError`. */
async function runProxy(originUrl: string, flags: ProxyFlags): Promise<number> {
  const { address, h2cAddress, identity, drainTimeoutMs, createProxy } = resolveFlags(originUrl, flags);
  const proxy = createProxy(transferLog(flags.log));
  const listeners: Listener[] = [];
  const open = async (server: NodeServer, where: ListenAddress): Promise<string> => {
    listeners.push({ server, connections: new Connections(server) });
    attach(server, proxy);
    return listen(server, where, (error) => complain(`a connection was not accepted: ${error.message}`));
  };

  const stopSignal = waitForStopSignal();
  try {
    const url = await open(createListener(identity, flags.http2), address);
    const h2cUrl = h2cAddress === null ? null : await open(createH2cListener(), h2cAddress);
    say(`listening on ${url}, forwarding to ${originUrl.replace(/\/$/, '')}`);
    if (h2cUrl !== null) say(`listening on ${h2cUrl} for HTTP/2 without TLS`);
  } catch (error) {
    for (const { server } of listeners) server.close();
    proxy.destroy();
    throw error;
  }

  const signal = await stopSignal;
  const wait = describeWait(proxy.active, flags.drainTimeout);
  const drained = drain({ listeners, proxy }, drainTimeoutMs);
  say(`${signal}: stopping, ${wait}`);
  const cut = await drained;
  if (cut > 0) complain(`${count(cut)} cut off after ${flags.drainTimeout}`);
  return cut > 0 ? 1 : 0;
}

const count = (transfers: number): string => (transfers === 1 ? '1 transfer' : `${transfers} transfers`);

function describeWait(active: number, drainTimeout: string): string {
  return active === 0 ? 'no transfer is running' : `waiting up to ${drainTimeout} for ${count(active)}`;
}

/** One line on standard error for each transfer that has ended. */
function transferLog(format: LogFormat): Observer[] {
  if (format === 'none') return [];
  const toLine: (record: TransferRecord) => string =
    format === 'json' ? formatTransferJson : formatTransferText;
  return [{ onTransferEnd: (record) => void process.stderr.write(`${toLine(record)}\n`) }];
}
