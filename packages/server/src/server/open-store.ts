import { Checker } from 'sluiceway/options';
import type { LimitStore } from 'sluiceway/store';
import { isObject } from '../config/library-options.js';
import type { ConfigSource } from '../config/source.js';
import { storeOption } from '../config/store-option.js';
import { workersOption } from '../config/workers-option.js';

/** The store of a configuration, which this process keeps until it ends. */
export interface OpenStore {
  store: LimitStore;
  /** Of the configuration that it was opened for. */
  written: string;
}

/** What a configuration says about its store, for comparison. */
export function writtenStore({ value }: ConfigSource): string {
  return isObject(value) && value['store'] !== undefined ? JSON.stringify(value['store']) : '';
}

/** Whether workers serve the configuration. */
export const hasWorkers = ({ value }: ConfigSource): boolean =>
  isObject(value) && workersOption.read(new Checker('configuration'), 'workers', value['workers']) > 1;

/**
 * Opens the store that a configuration names. Null if it names none, or not a valid one: then the configuration is refused
 * later. Does not wait for the server of the store.
 */
export async function openStore(
  source: ConfigSource,
  onChange: (problem: string | null) => void,
): Promise<OpenStore | null> {
  const written = writtenStore(source);
  if (written === '') return null;
  const check = new Checker('configuration');
  const value: unknown = JSON.parse(written);
  const options = storeOption.read(check, 'store', value);
  if (options === undefined || check.problems.length > 0) return null;
  // Loaded only if needed: it takes as long as all the rest of the program.
  const { redisStore } = await import('sluiceway/redis');
  return { store: redisStore({ ...options, onChange }), written };
}
