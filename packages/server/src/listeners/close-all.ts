import type { Listener } from './listener.js';

/**
 * Closes listeners. `settled`: the connections that they accepted last have brought their first request, or will not bring
 * one. `closed`: every connection is closed.
 */
export function closeAll(listeners: readonly Listener[]): {
  closed: Promise<unknown>;
  settled: Promise<unknown>;
} {
  const closed: Promise<void>[] = [];
  const settled = listeners.map(
    (listener) => new Promise<void>((resolve) => void closed.push(listener.close(resolve))),
  );
  return { closed: Promise.all(closed), settled: Promise.all(settled) };
}
