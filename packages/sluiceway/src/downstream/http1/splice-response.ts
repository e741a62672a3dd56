import { OutgoingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import { FlushedSplice } from '../../zero-copy/flushed-splice.js';
import { isSpliceable } from '../../zero-copy/zero-copy.js';

const EMPTY = Buffer.alloc(0);

/**
 * Lets the kernel move content to the client's connection, after the head and earlier writes. Null if the content is not
 * sent as it is: if it is chunked, encrypted, or passes through replaced methods.
 */
export function spliceResponse(response: ServerResponse, offer: SpliceOffer): Splice | null {
  const { socket } = response;
  if (!(socket instanceof Socket) || !isSpliceable(socket) || isReplaced(response, socket)) return null;
  if (response.chunkedEncoding || response.strictContentLength) return null;
  const target = { socket, onBroken: () => void socket.destroy() };
  const onMoved = (bytes: number): void => {
    offer.onMoved(bytes);
    noteSpliced(socket, bytes);
  };
  const { source, length, flow } = offer;
  const noted: SpliceOffer = {
    source,
    length,
    flow,
    onMoved,
    onWait: (what) => offer.onWait(what),
    onStopped: () => offer.onStopped(),
  };
  // An empty write also sends the head, and its callback comes after all earlier writes.
  return new FlushedSplice(noted, target, (onFlushed) => void response.write(EMPTY, onFlushed));
}

const isReplaced = (response: ServerResponse, socket: Socket): boolean =>
  response.write !== OutgoingMessage.prototype.write || socket.write !== Socket.prototype.write;

const spliced = new WeakMap<Socket, number>();

/** Counts bytes that Node has not seen, and so does not count. */
function noteSpliced(socket: Socket, bytes: number): void {
  spliced.set(socket, (spliced.get(socket) ?? 0) + bytes);
  keepActive(socket);
}

/** Restarts the timeout of a socket, as Node does for bytes that it sees. */
export function keepActive(socket: Socket): void {
  const { timeout } = socket;
  if (timeout !== undefined && timeout > 0) socket.setTimeout(timeout);
}

/** Bytes written to a client's socket, including those that the kernel has moved to it. */
export const bytesWrittenTo = (socket: Socket): number => socket.bytesWritten + (spliced.get(socket) ?? 0);
