import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isFieldValue } from '../http/fields.js';
import type { ChunkSink } from '../stream/chunk-source.js';
import { MeteredSource } from '../stream/metered-source.js';
import { ReadableSource } from '../stream/readable-source.js';
import type { UpstreamTunnel } from '../upstream/transport.js';
import { lingeringCloseBare } from './lingering-close.js';
import type { ResponseHead } from './respond.js';
import type { Transfer } from './transfer.js';

/**
 * Waits for the responses to requests that the client has pipelined before: Node hands the socket over while they
 * are under way. False where the client is gone. Which response a socket has is not public; where it cannot be
 * seen, giving the socket another one throws.
 */
export async function takeTurn(socket: Socket): Promise<boolean> {
  // Node has taken its own listener away.
  socket.on('error', () => {});
  for (;;) {
    const earlier: unknown = Reflect.get(socket, '_httpMessage');
    if (socket.destroyed || !(earlier instanceof ServerResponse)) return !socket.destroyed;
    await new Promise<void>((resolve) => {
      earlier.once('close', resolve);
      socket.once('close', resolve);
    });
  }
}

/**
 * Gives the bare socket of an `upgrade` event a response, for as long as it is not a tunnel. `head` is what the
 * client has sent right after its request. The connection closes with the response.
 */
export function assignResponse(request: IncomingMessage, socket: Socket, head: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    // As Node's server does it: the socket may outlive its response for a while.
    response.emit('close');
    lingeringCloseBare(socket);
  });
  if (head.length > 0) socket.unshift(head);
  // Starts reading, so that a reset is noticed while the origin server has the word.
  socket.read(0);
  return response;
}

/** The 101 for the client, as it goes on the wire. Throws a `TypeError` for a phrase that is more than one. */
export function formatSwitchingProtocols(head: ResponseHead, protocol: string): string {
  if (!isFieldValue(head.statusText)) throw new TypeError('Invalid character in a status phrase');
  let text = `HTTP/1.1 101 ${head.statusText}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  for (const [name, value] of head.fields) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/**
 * Carries bytes both ways until both directions have ended or one is broken. A side that ends its direction is
 * half-closed, and the other direction goes on.
 */
export async function runTunnel(transfer: Transfer, socket: Socket, upstream: UpstreamTunnel): Promise<void> {
  await new Promise<void>((resolve) => {
    let open = 2;
    const ended = (): void => {
      open -= 1;
      if (open === 0) resolve();
    };
    const broken = (): void => resolve();
    transfer.onAborted(broken);
    socket.once('close', broken);

    const toOrigin: ChunkSink = {
      chunk: (bytes, done) => upstream.write(bytes, done),
      end: () => {
        upstream.end();
        ended();
      },
      fail: broken,
    };
    const toClient: ChunkSink = {
      chunk: (bytes, done) => void socket.write(bytes, () => done()),
      end: () => {
        socket.end();
        ended();
      },
      fail: broken,
    };
    const fromClient = new ReadableSource(socket, { destroyOnCancel: false });
    new MeteredSource(fromClient, transfer.meterTunnel('bytesUp')).start(toOrigin);
    new MeteredSource(upstream.source, transfer.meterTunnel('bytesDown')).start(toClient);
  });
  upstream.destroy();
  // Both ends have been told; what is still to be flushed of a clean end goes out first.
  if (socket.writableEnded) socket.destroySoon();
  else socket.destroy();
}
