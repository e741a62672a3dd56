import { subscribe } from 'node:diagnostics_channel';
import { Socket } from 'node:net';

let told: ((socket: Socket) => void) | null = null;
let isSubscribed = false;

/**
 * Calls the listener with the socket of the request that undici has just announced to its handler. Undici publishes it
 * synchronously on a diagnostics channel and does not pass it to the handler. Only the socket shows whether an end was a
 * reset. Not called over HTTP/2, and for dispatchers without sockets.
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
