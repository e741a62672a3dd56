import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';

/**
 * Calls `reload` at each SIGHUP, whose default is to end the process: a terminal that is closed must not cut off
 * transfers, nor must the signal by which programs are told to read their files again. Returns how to stop that.
 */
export function onHangup(reload: () => void, source: EventEmitter = process): () => void {
  source.on('SIGHUP', reload);
  return () => void source.off('SIGHUP', reload);
}

/** A closed terminal or log reader fails each write to it, which would end the process. */
export function outliveOutput(outputs: readonly EventEmitter[] = [process.stdout, process.stderr]): void {
  for (const output of outputs) output.on('error', () => {});
}

const stopSignals = ['SIGINT', 'SIGTERM'] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * Resolves at the first SIGINT or SIGTERM. A second one means that the user will not wait: `exit` is called with
 * 128 plus its number, as a shell reports a process that the signal has ended.
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
