import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { isFromBrowser } from '../../http/browser.js';
import { Fields } from '../../http/fields.js';
import type { BreakOff } from '../exchange.js';

/**
 * Longest time between the break and the end of the connection. A reset discards what the kernel has not sent, so that the
 * client would have to get it again. The send buffer follows the connection: it holds about what two round trips carry.
 */
const MAX_DELAY_MS = 1000;

export interface Broken {
  how: BreakOff;
  /** Whether the client knows how long the content is. */
  hasLength: boolean;
  /** When the head was sent, by `performance.now()`. What was written since leaves in about the same time. */
  since: number;
  /** What was written before need not reach the client. */
  atOnce: boolean;
}

/** Ends a response, of which the head is sent, without the end of the message. */
export function breakOffResponse(response: ServerResponse, broken: Broken): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) {
    response.destroy();
    return;
  }
  const isReset = needsReset(response, broken);
  const end = (): void => {
    if (isReset) resetConnection(socket);
    // A TLS socket sends no close_notify when it is destroyed.
    response.destroy();
  };
  // After a FIN, the kernel still sends what it has.
  if (broken.atOnce || (!isReset && socket.writableLength === 0)) {
    end();
    return;
  }
  const elapsed = performance.now() - broken.since;
  const timer = setTimeout(end, Math.min(MAX_DELAY_MS, 2 * elapsed));
  socket.once('close', () => clearTimeout(timer));
}

/**
 * Several popular clients take a FIN for the end of the file although its length says otherwise, and some take it for the
 * last chunk. A reset is an error for most of them. Chromium continues a download of known length by itself after a FIN,
 * and never after a reset. docs/clients.md has the measurements.
 */
function needsReset(response: ServerResponse, { how, hasLength }: Broken): boolean {
  if (!hasLength || how === 'reset') return true;
  return how === 'auto' && !isFromBrowser(Fields.fromParser(response.req.rawHeaders));
}

/**
 * Resets a connection; what the kernel has not sent is lost. A connection that cannot be reset (a Unix socket) stays as it
 * is.
 */
function resetConnection(socket: Socket): void {
  const carrier = 'encrypted' in socket ? carrierOf(socket) : socket;
  try {
    carrier?.resetAndDestroy();
  } catch {
    // Node refuses it for everything but TCP.
  }
}

/** The TCP socket under a TLS socket of Node's server; it is not public. Null where Node's internals are others. */
function carrierOf(socket: Socket): Socket | null {
  const { _parent: carrier }: { _parent?: unknown } = socket as object;
  return carrier instanceof Socket ? carrier : null;
}
