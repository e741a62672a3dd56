import { Socket } from 'node:net';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, type ReadyEvent, type System } from './system.js';

/** Most bytes that all splices together move in one turn of the event loop, so that other work does not wait long. */
const MAX_BYTES_PER_TURN = 16 * 1024 * 1024;
const MIN_BYTES_PER_TURN = 1024 * 1024;

/** `allowance`: how many bytes can be moved now. */
type OnReady = (allowance: number) => void;

/** Node's handle of a socket. Not a public property. */
interface SocketHandle {
  readonly fd?: number;
}

const handleOf = (socket: Socket): SocketHandle | null => {
  const { _handle: handle }: { _handle?: SocketHandle | null } = socket as object;
  return handle ?? null;
};

/** The descriptor of an open, plain TCP socket; null for any other. */
export function findDescriptor(socket: unknown): number | null {
  if (!(socket instanceof Socket) || 'encrypted' in socket || socket.destroyed || socket.connecting)
    return null;
  // A Unix socket has no remote address.
  if (socket.remoteAddress === undefined) return null;
  const descriptor = handleOf(socket)?.fd;
  return descriptor === undefined || descriptor < 0 ? null : descriptor;
}

/** A watched socket, for at most one splice in each direction. */
export class SocketWatch {
  readonly descriptor: number;
  readonly id: number;
  readonly #system: System;
  readonly #socket: Socket;
  readonly #handle: SocketHandle | null;
  #onReadable: OnReady | null = null;
  #onWritable: OnReady | null = null;
  #isAdded = false;
  #isDelivering = false;
  /** Number of splices that use it. */
  users = 0;

  constructor(system: System, socket: Socket, descriptor: number, id: number) {
    this.#system = system;
    this.#socket = socket;
    this.#handle = handleOf(socket);
    this.descriptor = descriptor;
    this.id = id;
  }

  /** Whether the descriptor still belongs to the socket. After a close, the number can belong to anything. */
  get isOpen(): boolean {
    const handle = handleOf(this.#socket);
    return handle !== null && handle === this.#handle && handle.fd === this.descriptor;
  }

  /**
   * Calls the listener once when the socket is readable, which includes its end and errors. Null removes the listener.
   * Returns whether the system can watch the socket: it limits how many sockets a user watches.
   */
  onceReadable(listener: OnReady | null): boolean {
    this.#onReadable = listener;
    return listener === null || this.#arm();
  }

  /** Like `onceReadable`, for when the socket is writable. */
  onceWritable(listener: OnReady | null): boolean {
    this.#onWritable = listener;
    return listener === null || this.#arm();
  }

  ready(events: number, allowance: number): void {
    const isBroken = (events & (EPOLLERR | EPOLLHUP)) !== 0;
    const onReadable = isBroken || (events & EPOLLIN) !== 0 ? this.#onReadable : null;
    const onWritable = isBroken || (events & EPOLLOUT) !== 0 ? this.#onWritable : null;
    if (onReadable !== null) this.#onReadable = null;
    if (onWritable !== null) this.#onWritable = null;
    this.#isDelivering = true;
    try {
      onReadable?.(allowance);
      onWritable?.(allowance);
    } finally {
      this.#isDelivering = false;
    }
    if (this.#onReadable === null && this.#onWritable === null) return;
    // Only a socket that is not watched yet can be refused.
    if (!this.#arm()) throw new Error('A socket could not be watched');
  }

  remove(): void {
    if (this.#isAdded && this.isOpen) this.#system.unwatch(this.descriptor);
    this.#isAdded = false;
  }

  /** Does not watch a closed socket: its `close` event tells its users. */
  #arm(): boolean {
    if (this.#isDelivering || !this.isOpen) return true;
    const events = (this.#onReadable === null ? 0 : EPOLLIN) | (this.#onWritable === null ? 0 : EPOLLOUT);
    if (!this.#system.watch(this.descriptor, this.id, events, !this.#isAdded)) return false;
    this.#isAdded = true;
    return true;
  }
}

/** Reports when sockets are readable or writable, independently of Node's own watchers. */
export class Poller {
  readonly #system: System;
  readonly #bySocket = new Map<Socket, SocketWatch>();
  readonly #byId = new Map<number, SocketWatch>();
  readonly #events: ReadyEvent[] = [];
  #lastId = 0;

  constructor(system: System) {
    this.#system = system;
    system.listen(() => this.#onReady());
  }

  /** Number of watched sockets. */
  get size(): number {
    return this.#byId.size;
  }

  /** Returns the watch of a socket; null if it cannot be watched. Release it as often as it was acquired. */
  acquire(socket: Socket): SocketWatch | null {
    const known = this.#bySocket.get(socket);
    if (known?.isOpen === true) {
      known.users += 1;
      return known;
    }
    const descriptor = findDescriptor(socket);
    if (descriptor === null) return null;
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const watch = new SocketWatch(this.#system, socket, descriptor, this.#lastId);
    watch.users = 1;
    this.#bySocket.set(socket, watch);
    this.#byId.set(watch.id, watch);
    if (this.#byId.size === 1) this.#system.keepAlive(true);
    return watch;
  }

  release(socket: Socket, watch: SocketWatch): void {
    watch.users -= 1;
    if (watch.users > 0) return;
    watch.remove();
    this.#byId.delete(watch.id);
    if (this.#bySocket.get(socket) === watch) this.#bySocket.delete(socket);
    // Sockets that Node does not read do not keep the process alive by themselves.
    if (this.#byId.size === 0) this.#system.keepAlive(false);
  }

  /** Called by libuv. Must not throw. */
  #onReady(): void {
    const count = this.#system.takeReady(this.#events);
    const allowance = Math.max(MIN_BYTES_PER_TURN, Math.floor(MAX_BYTES_PER_TURN / Math.max(1, count)));
    for (let i = 0; i < count; i += 1) {
      const { id, events } = this.#events[i] as ReadyEvent;
      try {
        this.#byId.get(id)?.ready(events, allowance);
      } catch (error) {
        setImmediate(() => {
          throw error;
        });
      }
    }
  }
}
