// long file: all native code is in one place.
import { writeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { type Ffi, loadFfi, type NativeLibrary, toUnavailable, Unavailable } from './ffi.js';

// The only file that calls native code. These are the hazards:
//
// - Signatures must match those of Linux and libuv. `selfTest` calls each of them once, before anything depends on it, apart
//   from `malloc_trim`, which takes some milliseconds.
// - Memory that the kernel writes to is allocated here once and never freed. JavaScript memory is never passed.
// - There is one libuv poll handle per process, which is never closed. It watches an epoll instance that no other handle
//   uses. Sockets are added to that instance, and the kernel removes them when they are closed. So no native memory depends
//   on the lifetime of a socket, and libuv, which allows one watcher per descriptor, gets no second one.
// - A callback must not throw, and neither microtasks nor ticks run after it. `Poller` handles both.
// - Descriptors are numbers. `SocketWatch` checks that each still belongs to its socket before it is used.

const EAGAIN = 11;
const ENOMEM = 12;
const EINVAL = 22;
const EINTR = 4;

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const IPPROTO_TCP = 6;
const TCP_NOTSENT_LOWAT = 25;
const SOL_SOCKET = 1;
/** Since Linux 4.12. Its values are in the order of `SK_MEMINFO_*`, 32 bits each. */
const SO_MEMINFO = 55;
const MEMINFO_BYTES = 36;
const MEMINFO_SNDBUF_AT = 12;
const MEMINFO_WMEM_QUEUED_AT = 20;
/**
 * The share of a socket's free memory that content can fill. Its packets need the rest: 2 % in measurements, more if the
 * content has come in small segments.
 */
const CONTENT_SHARE = 7 / 8;
const MSG_PEEK = 0x2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 0x1;
const POLLOUT = 0x4;
const SPLICE_F_MOVE = 1;
const SPLICE_F_NONBLOCK = 2;
const UV_POLL = 8;
const UV_READABLE = 1;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
export const EPOLLIN: number = 0x1;
export const EPOLLOUT: number = 0x4;
export const EPOLLERR: number = 0x8;
export const EPOLLHUP: number = 0x10;
const EPOLLONESHOT = 2 ** 30;

/** `struct epoll_event` is packed on x64 only. */
const [EVENT_BYTES, EVENT_ID_AT] = process.arch === 'x64' ? [12, 4] : [16, 8];
const MAX_EVENTS = 64;
const PEEK_BYTES = 16;
/** How many bytes pass through this process in one call. */
const PASSED_BYTES = 64 * 1024;

/** Nothing can be moved now. */
export const WOULD_BLOCK = -1;
/** One of the two ends is broken. */
export const BROKEN = -2;
/** The kernel cannot do it, now or for these ends. */
export const REFUSED = -3;

export interface PipeEnds {
  readonly read: number;
  readonly write: number;
  /** Capacity in bytes. */
  readonly size: number;
}

export interface ReadyEvent {
  id: number;
  events: number;
}

type Native = (...args: (number | bigint)[]) => number | bigint;

/** The system calls that zero copy needs. Descriptors passed to it must be open. */
export class System {
  readonly #splice: Native;
  readonly #pipe2: Native;
  readonly #fcntl: Native;
  readonly #close: Native;
  readonly #poll: Native;
  readonly #recv: Native;
  readonly #read: Native;
  readonly #send: Native;
  readonly #getsockopt: Native;
  readonly #setsockopt: Native;
  readonly #epollControl: Native;
  readonly #epollWait: Native;
  readonly #reference: Native;
  readonly #unreference: Native;
  /** Null if the C library is not glibc. */
  readonly #mallocTrim: Native | null;
  readonly #stopPolling: () => void;
  readonly #getInt32: (address: bigint) => number;
  readonly #errno: bigint;
  readonly #epoll: number;
  readonly #handle: bigint;
  /**
   * Memory for calls: an event to set, the events that are ready, a `pollfd`, two descriptors, peeked bytes, an option of a
   * socket with its length, and bytes that pass through this process.
   */
  readonly #event: NativeMemory;
  readonly #ready: NativeMemory;
  readonly #pollfd: NativeMemory;
  readonly #pair: NativeMemory;
  readonly #peeked: NativeMemory;
  readonly #option: NativeMemory;
  readonly #passed: NativeMemory;
  #onReady: () => void = () => {};
  /** The error of the last call that returned `BROKEN`, such as `ECONNRESET`. */
  brokenBy = '';
  /** The bytes of the last `peek`. */
  peekedBytes: Uint8Array = new Uint8Array();

  constructor(ffi: Ffi) {
    const library = new ffi.DynamicLibrary(null);
    const native = (
      name: string,
      result: 'int32' | 'uint64' | 'pointer' | 'void',
      ...args: Argument[]
    ): Native => find(library, name, result, args);
    this.#splice = native('splice', 'int32', 'int32', 'pointer', 'int32', 'pointer', 'uint64', 'uint32');
    this.#pipe2 = native('pipe2', 'int32', 'pointer', 'int32');
    this.#fcntl = native('fcntl', 'int32', 'int32', 'int32', 'int32');
    this.#close = native('close', 'int32', 'int32');
    this.#poll = native('poll', 'int32', 'pointer', 'uint64', 'int32');
    this.#recv = native('recv', 'int32', 'int32', 'pointer', 'uint64', 'int32');
    this.#read = native('read', 'int32', 'int32', 'pointer', 'uint64');
    this.#send = native('send', 'int32', 'int32', 'pointer', 'uint64', 'int32');
    this.#getsockopt = native('getsockopt', 'int32', 'int32', 'int32', 'int32', 'pointer', 'pointer');
    this.#setsockopt = native('setsockopt', 'int32', 'int32', 'int32', 'int32', 'pointer', 'uint32');
    this.#epollControl = native('epoll_ctl', 'int32', 'int32', 'int32', 'int32', 'pointer');
    this.#epollWait = native('epoll_wait', 'int32', 'int32', 'pointer', 'int32', 'int32');
    this.#reference = native('uv_ref', 'void', 'pointer');
    this.#unreference = native('uv_unref', 'void', 'pointer');
    this.#mallocTrim = findOptional(library, 'malloc_trim', 'int32', ['uint64']);
    this.#getInt32 = (address) => ffi.getInt32(address);
    this.#errno = native('__errno_location', 'pointer')() as bigint;

    const malloc = native('malloc', 'pointer', 'uint64');
    const allocate = (bytes: number): NativeMemory => {
      const address = malloc(BigInt(bytes)) as bigint;
      if (address === 0n) throw new Unavailable('memory could not be allocated');
      return { address, bytes: ffi.toBuffer(address, bytes, false) };
    };
    this.#event = allocate(EVENT_BYTES);
    this.#ready = allocate(EVENT_BYTES * MAX_EVENTS);
    this.#pollfd = allocate(8);
    this.#pair = allocate(8);
    this.#peeked = allocate(PEEK_BYTES);
    this.#option = allocate(MEMINFO_BYTES + 4);
    this.#passed = allocate(PASSED_BYTES);

    this.#epoll = native('epoll_create1', 'int32', 'int32')(O_CLOEXEC) as number;
    if (this.#epoll < 0) throw new Unavailable('epoll_create1 failed');
    try {
      this.#selfTest();
      this.#handle = allocate(Number(native('uv_handle_size', 'uint64', 'int32')(UV_POLL))).address;
      const start = native('uv_poll_start', 'int32', 'pointer', 'int32', 'pointer');
      const stop = native('uv_poll_stop', 'int32', 'pointer');
      const init = native('uv_poll_init', 'int32', 'pointer', 'pointer', 'int32');
      const callback = library.registerCallback(
        { arguments: ['pointer', 'int32', 'int32'], return: 'void' },
        () => this.#onReady(),
      );
      if (init(ffi.getCurrentEventLoop(), this.#handle, this.#epoll) !== 0)
        throw new Unavailable('uv_poll_init failed');
      this.#stopPolling = () => void stop(this.#handle);
      if (start(this.#handle, UV_READABLE, callback) !== 0) throw new Unavailable('uv_poll_start failed');
      this.#unreference(this.#handle);
    } catch (error) {
      this.#close(this.#epoll);
      throw error;
    }
  }

  /** Calls `onReady` while events are ready. */
  listen(onReady: () => void): void {
    this.#onReady = onReady;
    // When the process exits, Node runs the loop again to close its handles.
    process.once('exit', () => this.#stopPolling());
  }

  /** Sets whether waiting for events keeps the process alive. */
  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#reference(this.#handle);
    else this.#unreference(this.#handle);
  }

  /** Returns freed memory to the operating system. Takes some milliseconds. */
  trimMemory(): void {
    this.#mallocTrim?.(0n);
  }

  /** Reads the ready events and returns their number. An event is not reported again until it is watched again. */
  takeReady(into: ReadyEvent[]): number {
    const count = this.#epollWait(this.#epoll, this.#ready.address, MAX_EVENTS, 0) as number;
    const { bytes } = this.#ready;
    for (let i = 0; i < count; i += 1) {
      const at = i * EVENT_BYTES;
      const event = (into[i] ??= { id: 0, events: 0 });
      event.events = bytes.readUInt32LE(at);
      event.id = bytes.readUInt32LE(at + EVENT_ID_AT);
    }
    return Math.max(0, count);
  }

  /** Watches a socket for the next of `events`. Returns whether that succeeded. */
  watch(descriptor: number, id: number, events: number, isNew: boolean): boolean {
    const { address, bytes } = this.#event;
    bytes.fill(0);
    bytes.writeUInt32LE(events + EPOLLONESHOT, 0);
    bytes.writeUInt32LE(id, EVENT_ID_AT);
    return this.#epollControl(this.#epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, descriptor, address) === 0;
  }

  unwatch(descriptor: number): void {
    this.#epollControl(this.#epoll, EPOLL_CTL_DEL, descriptor, this.#event.address);
  }

  /**
   * Moves up to `length` bytes. One end must be a pipe. Returns how many, 0 at the end, `WOULD_BLOCK`, `REFUSED`, or
   * `BROKEN`, with the name of the error in `brokenBy`.
   */
  splice(from: number, to: number, length: number): number {
    const moved = this.#splice(from, 0n, to, 0n, BigInt(length), SPLICE_F_MOVE | SPLICE_F_NONBLOCK) as number;
    return moved < 0 ? this.#toFailure() : moved;
  }

  /** The result for the error of the last call. */
  #toFailure(): number {
    const errno = this.#getInt32(this.#errno);
    if (errno === EAGAIN || errno === EINTR) return WOULD_BLOCK;
    if (errno === ENOMEM || errno === EINVAL) return REFUSED;
    this.brokenBy = getSystemErrorName(-errno);
    return BROKEN;
  }

  /**
   * Reads the next bytes of a socket into `peekedBytes` without taking them. The next call reuses the memory. Returns
   * how many, 0 at the end, `WOULD_BLOCK`, `REFUSED`, or `BROKEN`, like `splice`.
   */
  peek(descriptor: number): number {
    const { address, bytes } = this.#peeked;
    const flags = MSG_PEEK | MSG_DONTWAIT;
    const count = this.#recv(descriptor, address, BigInt(PEEK_BYTES), flags) as number;
    this.peekedBytes = bytes.subarray(0, Math.max(0, count));
    return count < 0 ? this.#toFailure() : count;
  }

  /** Takes `length` bytes out of a pipe, which holds at least as many. Null if the system refuses. */
  readPipe({ read }: PipeEnds, length: number): Buffer | null {
    const { address, bytes } = this.#passed;
    const taken = Buffer.allocUnsafeSlow(length);
    for (let at = 0; at < length; ) {
      const count = this.#read(read, address, BigInt(Math.min(length - at, PASSED_BYTES))) as number;
      if (count <= 0) return null;
      bytes.copy(taken, at, 0, count);
      at += count;
    }
    return taken;
  }

  /** Sends some of the bytes to a socket, from `start` on. Returns how many, `WOULD_BLOCK`, `REFUSED` or `BROKEN`. */
  send(descriptor: number, from: Buffer, start: number): number {
    const { address, bytes } = this.#passed;
    const length = from.copy(bytes, 0, start, Math.min(from.length, start + PASSED_BYTES));
    const sent = this.#send(descriptor, address, BigInt(length), MSG_DONTWAIT | MSG_NOSIGNAL) as number;
    return sent < 0 ? this.#toFailure() : sent;
  }

  isWritable(descriptor: number): boolean {
    return this.#isReady(descriptor, POLLOUT);
  }

  /** How many bytes a socket takes without blocking, as a lower estimate. Infinity if the system does not tell. */
  room(descriptor: number): number {
    const { address, bytes } = this.#option;
    bytes.writeUInt32LE(MEMINFO_BYTES, MEMINFO_BYTES);
    const length = address + BigInt(MEMINFO_BYTES);
    if (this.#getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, address, length) !== 0)
      return Number.POSITIVE_INFINITY;
    const free = bytes.readUInt32LE(MEMINFO_SNDBUF_AT) - bytes.readUInt32LE(MEMINFO_WMEM_QUEUED_AT);
    return Math.max(0, Math.floor(free * CONTENT_SHARE));
  }

  /**
   * Limits the bytes of a socket that are not sent yet. Above it, the socket takes none, and it is writable from half of it
   * on. 0: no limit. Returns whether the system can do it.
   */
  limitUnsent(descriptor: number, limit: number): boolean {
    const { address, bytes } = this.#option;
    bytes.writeInt32LE(limit, 0);
    return this.#setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, address, 4) === 0;
  }

  /** Creates a pipe of up to `size` bytes. Null if no descriptor, or no memory for pipes, is left. */
  createPipe(size: number, minSize: number): PipeEnds | null {
    const { address, bytes } = this.#pair;
    if (this.#pipe2(address, O_NONBLOCK | O_CLOEXEC) !== 0) return null;
    const read = bytes.readInt32LE(0);
    const write = bytes.readInt32LE(4);
    this.#fcntl(write, F_SETPIPE_SZ, size);
    const pipe = { read, write, size: this.#fcntl(write, F_GETPIPE_SZ, 0) as number };
    if (pipe.size >= minSize) return pipe;
    this.closePipe(pipe);
    return null;
  }

  closePipe({ read, write }: PipeEnds): void {
    this.#close(read);
    this.#close(write);
  }

  #isReady(descriptor: number, events: number): boolean {
    const { address, bytes } = this.#pollfd;
    bytes.writeInt32LE(descriptor, 0);
    bytes.writeInt16LE(events, 4);
    bytes.writeInt16LE(0, 6);
    return (this.#poll(address, 1n, 0) as number) > 0;
  }

  /** Moves bytes through two pipes, and checks that each call works. Some sandboxes do not support all of them. */
  #selfTest(): void {
    const pipes: PipeEnds[] = [];
    const expect = (what: string, isTrue: boolean): void => {
      if (!isTrue) throw new Unavailable(`${what} does not work here`);
    };
    try {
      for (let i = 0; i < 2; i += 1) {
        const pipe = this.createPipe(4096, 1);
        if (pipe === null) throw new Unavailable('a pipe could not be created');
        pipes.push(pipe);
      }
      const [first, second] = pipes as [PipeEnds, PipeEnds];
      const ready: ReadyEvent[] = [];
      expect('splice', this.splice(first.read, second.write, 100) === WOULD_BLOCK);
      expect('poll', this.isWritable(first.write) && !this.#isReady(first.read, POLLIN));
      expect('epoll_ctl', this.watch(first.read, 4_000_000_000, EPOLLIN, true));
      expect('epoll_wait', this.takeReady(ready) === 0);
      writeSync(first.write, Buffer.from('test'));
      expect('epoll_wait', this.takeReady(ready) === 1);
      expect('epoll_wait', ready[0]?.id === 4_000_000_000 && ready[0].events === EPOLLIN);
      expect('epoll_wait', this.takeReady(ready) === 0);
      this.unwatch(first.read);
      expect('splice', this.splice(first.read, second.write, 3) === 3);
      expect('read', this.readPipe(second, 3)?.toString('latin1') === 'tes');
      // A pipe is not a socket.
      expect('setsockopt', !this.limitUnsent(first.read, 0));
      expect('send', this.send(first.write, Buffer.from('x'), 0) === BROKEN);
      expect('getsockopt', this.room(first.read) === Number.POSITIVE_INFINITY);
      expect('recv', this.peek(first.read) === BROKEN && this.brokenBy === 'ENOTSOCK');
    } finally {
      for (const pipe of pipes) this.closePipe(pipe);
    }
  }
}

interface NativeMemory {
  readonly address: bigint;
  readonly bytes: Buffer;
}

type Argument = 'int32' | 'uint32' | 'uint64' | 'pointer';

function find(
  library: NativeLibrary,
  name: string,
  result: 'int32' | 'uint64' | 'pointer' | 'void',
  args: readonly Argument[],
): Native {
  return library.getFunction(name, { arguments: args, return: result });
}

function findOptional(...args: Parameters<typeof find>): Native | null {
  try {
    return find(...args);
  } catch {
    return null;
  }
}

/** Throws `Unavailable` if zero copy is not available. */
export function createSystem(): System {
  try {
    return new System(loadFfi());
  } catch (error) {
    throw toUnavailable(error);
  }
}
