import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { isFromBrowser } from '../../http/browser.js';
import { Fields } from '../../http/fields.js';
import type { BreakOff } from '../exchange.js';

/** Ends a response, of which the head is sent, without the end of the message. */
export function breakOffResponse(response: ServerResponse, how: BreakOff, hasLength: boolean): void {
  const { socket } = response;
  if (socket !== null && !socket.destroyed && needsReset(response, how, hasLength)) resetConnection(socket);
  // A TLS socket sends no close_notify when it is destroyed.
  response.destroy();
}

/**
 * Several popular clients take a FIN for the end of the file although its length says otherwise, and some take it for the
 * last chunk. A reset is an error for most of them. Chromium continues a download of known length by itself after a FIN,
 * and never after a reset. docs/clients.md has the measurements.
 */
function needsReset(response: ServerResponse, how: BreakOff, hasLength: boolean): boolean {
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
