import type { StreamEvent } from '../dashboard/event-stream.js';
import type { AdminClient } from './admin-client.js';
import { AdminError } from './admin-client.js';

const MIN_DELAY_MS = 500;
const MAX_DELAY_MS = 5000;

export interface LiveEvents {
  onEvent(event: StreamEvent): void;
  /** The connection is lost, and a new one will be opened. */
  onLost(reason: string): void;
}

/**
 * Reads the events of the server, and connects again whenever the connection is lost. Resolves when the signal is aborted.
 * Rejects with an `AdminError` if the first connection fails, or if the server refuses access.
 */
export async function watchLive(client: AdminClient, events: LiveEvents, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let hasConnected = false;
  while (!signal.aborted) {
    let reason = 'the connection was lost';
    try {
      await client.watch(
        '/api/events',
        (event) => {
          hasConnected = true;
          failures = 0;
          events.onEvent(event);
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AdminError)) throw error;
      if (!hasConnected || error.status === 401 || error.status === 403) throw error;
      reason = error.message;
    }
    events.onLost(reason);
    await pause(Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** failures), signal);
    failures += 1;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
