import {
  formatDuration,
  formatTransferJson,
  formatTransferText,
  type Observer,
  type TransferRecord,
} from 'sluiceway';
import { ConfigError } from '../config/config-error.js';
import type { ConfigValues } from '../config/options.js';
import type { ConfigSource } from '../config/source.js';
import { ListenError } from '../listeners/address.js';
import { compile, type Plan } from '../server/compile.js';
import { Service } from '../server/service.js';
import { onHangup, outliveOutput, waitForStopSignal } from '../server/signals.js';
import { complain, say } from './output.js';
import { UsageError } from './usage-error.js';

export interface RunOptions {
  /** Reads the configuration at the start and on each SIGHUP. */
  read(): ConfigSource;
  /** The end of the status line of the first listener. */
  what(plan: Plan): string;
}

/**
 * Serves until a signal stops it, and resolves with the exit code. Rejects with the error of a configuration that is not
 * valid, or with a `ListenError`.
 */
export async function run({ read, what }: RunOptions): Promise<number> {
  outliveOutput();
  const stopSignal = waitForStopSignal();
  let service: Service | null = null;
  let reloading: Promise<void> = Promise.resolve();
  let isWaiting = false;
  let isStopping = false;
  onHangup(() => {
    // Reloads run one after the other, since each starts from the result of the one before. One waiting reload is enough.
    if (isWaiting) return;
    isWaiting = true;
    reloading = reloading.then(() => {
      isWaiting = false;
      return reload(service, isStopping, read);
    });
  });

  const plan = compile(read(), observersOf);
  service = await Service.start(plan, {
    observersOf,
    onAcceptError: (error) => complain(`a connection was not accepted: ${error.message}`),
  });
  announce(service, what(plan));

  const signal = await stopSignal;
  isStopping = true;
  await reloading;
  const { active } = service;
  const timeoutMs = service.plan.values.drainTimeout;
  const drained = service.drain(timeoutMs);
  const limit = formatDuration(timeoutMs);
  say(
    `${signal}: stopping, ${active === 0 ? 'no transfer is running' : `waiting up to ${limit} for ${count(active)}`}`,
  );
  const cut = await drained;
  if (cut > 0) complain(`${count(cut)} cut off after ${limit}`);
  return cut > 0 ? 1 : 0;
}

function announce(service: Service, what: string): void {
  for (const [i, url] of service.urls.entries()) {
    const { protocol } = service.plan.listeners[i] ?? {};
    const kind = protocol === 'h2c' ? ' for HTTP/2 without TLS' : '';
    say(`listening on ${url}${kind}${i === 0 ? `, ${what}` : ''}`);
  }
}

/** On SIGHUP: reads everything again. On an error, nothing changes. The program continues in any case. */
async function reload(service: Service | null, isStopping: boolean, read: () => ConfigSource): Promise<void> {
  if (service === null || isStopping) {
    say(`SIGHUP: nothing is reloaded while the program ${isStopping ? 'stops' : 'starts'}`);
    return;
  }
  try {
    await service.reload(compile(read(), observersOf, service.plan.routes));
    say('SIGHUP: reloaded');
  } catch (error) {
    if (![ConfigError, UsageError, ListenError].some((known) => error instanceof known)) throw error;
    complain(`SIGHUP: not reloaded, everything stays as it was: ${describe(error as Error)}`);
  }
}

/** Starts several problems on a new line. */
const describe = ({ message }: Error): string => (message.includes('\n') ? `\n${message}` : message);

const count = (transfers: number): string => (transfers === 1 ? '1 transfer' : `${transfers} transfers`);

/** Writes one line to standard error for each transfer that has ended. */
function observersOf(_route: string, { log: { format } }: ConfigValues): Observer[] {
  if (format === 'none') return [];
  const toLine: (record: TransferRecord) => string =
    format === 'json' ? formatTransferJson : formatTransferText;
  return [{ onTransferEnd: (record) => void process.stderr.write(`${toLine(record)}\n`) }];
}
