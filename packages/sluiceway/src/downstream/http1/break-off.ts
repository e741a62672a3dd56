import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { isFromBrowser } from '../../http/browser.js';
import { Fields } from '../../http/fields.js';
import type { BreakOff } from '../exchange.js';

/**
 * Longest time between the break and the end of the connection. A reset discards what the kernel has not sent, and the
 * client would have to request it again. The send buffer holds about as much as the connection carries in two round
 * trips.
 */
const MAX_DELAY_MS = 1000;

/** Shortest time: a client may be busy for longer than a fast transfer has taken. */
const MIN_DELAY_MS = 100;

export interface Broken {
  how: BreakOff;
  /** Whether the client knows the length of the content. */
  hasLength: boolean;
  /** When the head was sent, by `performance.now()`. What was written since takes about as long to leave. */
  since: number;
  /** Content written before does not have to reach the client. */
  atOnce: boolean;
}

/** Ends a response after its head, without the end of the message. */
export function breakOffResponse(response: ServerResponse, broken: Broken): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) {
    response.destroy();
    return;
  }
  const isReset = needsReset(response, broken);
  const end = (): void => {
    if (isReset) resetConnection(socket);
    // A destroyed TLS socket sends no close_notify.
    response.destroy();
  };
  // With a FIN, the kernel still sends what it has.
  if (broken.atOnce || (!isReset && socket.writableLength === 0)) {
    end();
    return;
  }
  const elapsed = performance.now() - broken.since;
  const timer = setTimeout(end, Math.max(MIN_DELAY_MS, Math.min(MAX_DELAY_MS, 2 * elapsed)));
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Several popular clients treat a FIN as the end of the file despite its length, and some treat it as the last chunk. A
 * reset is an error for most of them. Chromium continues a download of known length by itself after a FIN, and never
 * after a reset. docs/clients.md has the measurements.
 */
function needsReset(response: ServerResponse, { how, hasLength }: Broken): boolean {
  if (!hasLength || how === 'reset') return true;
  return how === 'auto' && !isFromBrowser(Fields.fromParser(response.req.rawHeaders));
}

/**
 * Resets a connection. What the kernel has not sent is lost. Does nothing for a connection that cannot be reset (a Unix
 * socket).
 */
function resetConnection(socket: Socket): void {
  const carrier = 'encrypted' in socket ? carrierOf(socket) : socket;
  try {
    carrier?.resetAndDestroy();
  } catch {
    // Node only supports it for TCP.
  }
}

/** The TCP socket under a TLS socket of Node's server. Not a public property; null if Node's internals differ. */
function carrierOf(socket: Socket): Socket | null {
  const { _parent: carrier }: { _parent?: unknown } = socket as object;
  return carrier instanceof Socket ? carrier : null;
}
