import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

let told: ((socket: Socket) => void) | null = null;
let isSubscribed = false;

/**
 * Tells on which socket undici writes the request that it has just announced to its handler: it publishes that in the
 * same breath. A handler is told nothing of it, and only the socket knows whether an end was a reset. Not told over
 * HTTP/2, and by dispatchers that have no sockets.
 */
export function onceSent(listener: (socket: Socket) => void): void {
  if (!isSubscribed) {
    isSubscribed = true;
    subscribe('undici:client:sendHeaders', (message) => {
      const { socket }: { socket?: unknown } = message as object;
      const tell = told;
      told = null;
      if (socket instanceof Socket) tell?.(socket);
    });
  }
  told = listener;
  queueMicrotask(() => {
    if (told === listener) told = null;
  });
}
