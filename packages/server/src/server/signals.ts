import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';

/**
 * Calls `reload` on each SIGHUP. By default, SIGHUP ends the process: neither a closed terminal nor a request to reload
 * must cut off transfers. Returns a function that removes the listener.
 */
export function onHangup(reload: () => void, source: EventEmitter = process): () => void {
  source.on('SIGHUP', reload);
  return () => void source.off('SIGHUP', reload);
}

/** Calls `reopen` on each SIGUSR2, which log rotation sends after it has renamed files. Windows has no such signal. */
export function onReopen(reopen: () => void, source: EventEmitter = process): () => void {
  source.on('SIGUSR2', reopen);
  return () => void source.off('SIGUSR2', reopen);
}

/**
 * Calls `restart` on each SIGUSR1, which Node otherwise takes for a debugger's request to attach: nobody who can only send
 * signals should open a debugging port of a server.
 */
export function onRestartSignal(restart: () => void, source: EventEmitter = process): void {
  if (process.platform !== 'win32') source.on('SIGUSR1', restart);
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * Resolves on the first SIGINT or SIGTERM. On a second one, the user does not want to wait: calls `exit` with 128 plus
 * its number, as a shell reports a process that the signal has ended.
 */
export function waitForStopSignal(
  source: EventEmitter = process,
  exit: (code: number) => void = (code) => process.exit(code),
): Promise<StopSignal> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of stopSignals) {
      source.on(signal, () => {
        if (stopping) exit(128 + constants.signals[signal]);
        stopping = true;
        resolve(signal);
      });
    }
  });
}
