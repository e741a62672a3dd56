import {
  attach,
  formatTransferJson,
  formatTransferText,
  type Handler,
  type NodeServer,
  type Observer,
  OptionsError,
  type TransferRecord,
} from 'sluiceway';
import { Connections } from '../server/connections.js';
import { createH2cListener, createListener, type ListenAddress, listen } from '../server/listen.js';
import {
  drain,
  type Listener,
  onHangup,
  outliveOutput,
  type Running,
  waitForStopSignal,
} from '../server/shutdown.js';
import { complain, say } from './output.js';
import type { LogFormat, ServeFlags, ServeSettings } from './serve-flags.js';

/** What the program serves: a proxy or a gateway. */
export type Served = Handler & Running['proxy'] & { reloadKeys?(): void };

/**
 * Serves until a signal stops it, and resolves with the exit code. `what` is the end of the line that tells where it
 * listens. Throws a `ListenError`.
 */
export async function serve(
  served: Served,
  what: string,
  settings: ServeSettings,
  flags: ServeFlags,
): Promise<number> {
  const { address, h2cAddress, identity, drainTimeoutMs } = settings;
  const listeners: Listener[] = [];
  const open = async (server: NodeServer, where: ListenAddress): Promise<string> => {
    listeners.push({ server, connections: new Connections(server) });
    attach(server, served);
    return listen(server, where, (error) => complain(`a connection was not accepted: ${error.message}`));
  };

  outliveOutput();
  const stopSignal = waitForStopSignal();
  onHangup(() => reload(served, flags));
  try {
    const url = await open(createListener(identity, flags.http2), address);
    const h2cUrl = h2cAddress === null ? null : await open(createH2cListener(), h2cAddress);
    say(`listening on ${url}, ${what}`);
    if (h2cUrl !== null) say(`listening on ${h2cUrl} for HTTP/2 without TLS`);
  } catch (error) {
    for (const { server } of listeners) server.close();
    served.destroy();
    throw error;
  }

  const signal = await stopSignal;
  const wait = describeWait(served.active, flags.drainTimeout);
  const drained = drain({ listeners, proxy: served }, drainTimeoutMs);
  say(`${signal}: stopping, ${wait}`);
  const cut = await drained;
  if (cut > 0) complain(`${count(cut)} cut off after ${flags.drainTimeout}`);
  return cut > 0 ? 1 : 0;
}

/** On SIGHUP: reads the keys again, if there are any. The program continues in any case. */
function reload(served: Served, flags: ServeFlags & { keys?: string }): void {
  if (served.reloadKeys === undefined || flags.keys === undefined) {
    say('SIGHUP: nothing to reload');
    return;
  }
  try {
    served.reloadKeys();
    say(`SIGHUP: reloaded the keys in ${flags.keys}`);
  } catch (error) {
    const reason =
      error instanceof OptionsError ? error.problems.map(({ message }) => message).join('; ') : error;
    complain(`SIGHUP: the keys were not reloaded: ${String(reason)}`);
  }
}

const count = (transfers: number): string => (transfers === 1 ? '1 transfer' : `${transfers} transfers`);

function describeWait(active: number, drainTimeout: string): string {
  return active === 0 ? 'no transfer is running' : `waiting up to ${drainTimeout} for ${count(active)}`;
}

/** One line on standard error for each transfer that has ended. */
export function transferLog(format: LogFormat): Observer[] {
  if (format === 'none') return [];
  const toLine: (record: TransferRecord) => string =
    format === 'json' ? formatTransferJson : formatTransferText;
  return [{ onTransferEnd: (record) => void process.stderr.write(`${toLine(record)}\n`) }];
}
