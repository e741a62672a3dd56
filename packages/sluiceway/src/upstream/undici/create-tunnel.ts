import type { Duplex } from 'node:stream';
import { ReadableSource } from '../../stream/readable-source.js';
import type { Tunnel } from '../../stream/tunnel.js';

/** The tunnel through a socket that undici has upgraded. `onClose` is called once when the socket closes. */
export function createTunnel(socket: Duplex, onClose: () => void): Tunnel {
  socket.once('close', onClose);
  // By default, undici's sockets answer an end with an end, and nothing more could be sent.
  socket.allowHalfOpen = true;
  return {
    source: new ReadableSource(socket),
    write: (bytes, done) => void socket.write(bytes, () => done()),
    end: (onSent) => void socket.end(() => onSent()),
    destroy: () => void socket.destroy(),
  };
}
