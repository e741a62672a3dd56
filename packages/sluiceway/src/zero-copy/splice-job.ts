import type { Socket } from 'node:net';
import type { Flow } from '../stream/flow.js';
import type { Splice, SpliceGate, SpliceOffer, SpliceWait } from '../stream/splice.js';
import type { PipePool } from './pipes.js';
import type { Poller, SocketWatch } from './poller.js';
import { BROKEN, type PipeEnds, REFUSED, type System, WOULD_BLOCK } from './system.js';
import { UnsentLimit } from './unsent-limit.js';

/**
 * Bytes that are taken from the source at a time, if the target has room for them. Adapted so that the target takes all of
 * them at once: the rest occupies memory until a slow client has read.
 */
const MIN_TAKE = 16 * 1024;
/** The least number of bytes that is taken, since the room of the target is an estimate. */
const MIN_ROOM = 4 * 1024;
const FIRST_TAKE = 128 * 1024;
/** Most bytes that leave a pipe for the memory of this process. */
const MAX_REST = 128 * 1024;
/** After this many takes that fit into the target, larger ones are tried. */
const GROWS_AFTER_TAKES = 8;
/** Most bytes that a splice moves at once after it has waited for the limits. The poller lets it move the rest. */
const MAX_BYTES_AFTER_WAIT = 1024 * 1024;

/** What a splice waits for, or how it ends. */
type SpliceState = SpliceWait | 'stopped' | 'source-broken' | 'target-broken';

/** The limits of the rate let nothing pass now. Beside the results of `System`. */
const HELD_BACK = -4;

/** The target of a splice. */
export interface SpliceTarget {
  readonly socket: Socket;
  /** Called if the target takes no more because it is closed or broken. The splice is over. */
  onBroken(): void;
}

/** The objects that all splices share. */
export interface SpliceTools {
  readonly system: System;
  readonly poller: Poller;
  readonly pipes: PipePool;
}

/**
 * Moves bytes from one socket to another with `splice`. Bytes go through a pipe, which the splice holds only for a moment:
 * it takes bytes from the source only when the target is writable, and as many as the target has room for. If the target
 * takes fewer, because the kernel has become short of memory, the rest leaves the pipe and is kept in this process. So a few
 * pipes are enough for thousands of slow clients.
 */
export class SpliceJob implements Splice {
  readonly #tools: SpliceTools;
  readonly #offer: SpliceOffer;
  readonly #target: SpliceTarget;
  readonly #gate: SpliceGate | null;
  readonly #from: SocketWatch;
  readonly #to: SocketWatch;
  /** Bytes that are not taken from the source yet. */
  #left: number;
  /** How many of them the gate lets pass. */
  #passable = 0;
  /** Bytes that were taken from the source and that the target does not have: they are in `#pipe` or in `#rest`. */
  #held = 0;
  #pipe: PipeEnds | null = null;
  /** Its last `#held` bytes are to be sent. */
  #rest: Buffer | null = null;
  #takeBytes = FIRST_TAKE;
  #takes = 0;
  readonly #unsent: UnsentLimit;
  #waitsFor: SpliceWait = 'source';
  /** The most bytes that could have been taken when the limits let nothing pass. */
  #wanted = 0;
  /** The limits that it waits for. */
  #awaitedFlow: Flow | null = null;
  #isStopping = false;
  #isOver = false;
  #isCancelled = false;

  constructor(
    tools: SpliceTools,
    offer: SpliceOffer,
    target: SpliceTarget,
    gate: SpliceGate | null,
    from: SocketWatch,
    to: SocketWatch,
  ) {
    this.#tools = tools;
    this.#offer = offer;
    this.#target = target;
    this.#gate = gate;
    this.#from = from;
    this.#to = to;
    this.#left = offer.length;
    this.#unsent = new UnsentLimit(tools.system, to);
    if (!to.onceWritable(this.#pump)) this.#handBack();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#end();
  }

  stop(): void {
    if (this.#isOver || this.#isStopping) return;
    this.#isStopping = true;
    if (this.#held === 0) this.#handBack();
  }

  /** Called by the poller, and after a wait for the limits. No tick or microtask runs after it, so everything except counting is left to `setImmediate`. */
  readonly #pump = (allowance: number): void => {
    if (this.#isOver) return;
    const [moved, state] = this.#move(allowance);
    if (moved > 0) {
      this.#unsent.moved(moved);
      this.#offer.onMoved(moved);
    }
    // The callback may have ended the splice.
    if (this.#isOver) return;
    switch (state) {
      case 'source':
        // Nothing is held while the source is waited for.
        if (this.#from.onceReadable(this.#pump)) break;
        this.#handBack();
        return;
      case 'target':
        this.#to.onceWritable(this.#pump);
        break;
      case 'limit':
        this.#awaitFlow();
        break;
      case 'stopped':
        this.#handBack();
        return;
      case 'target-broken':
        this.#end();
        this.#later(() => this.#target.onBroken());
        return;
      case 'source-broken': {
        // The kernel reports an error once, and an end after that. So pass the error to the socket's owner here.
        const code = this.#tools.system.brokenBy;
        const error = Object.assign(new Error(`read ${code}`), { code, syscall: 'read' });
        this.#end();
        this.#later(() => void this.#offer.source.destroy(error));
        return;
      }
    }
    if (moved === 0 && state === this.#waitsFor) return;
    this.#waitsFor = state;
    this.#offer.onWait(state);
  };

  /** Moves what can be moved now, up to about `allowance`. Returns how many bytes, and what to wait for. */
  #move(allowance: number): [moved: number, state: SpliceState] {
    const { system } = this.#tools;
    let moved = 0;
    // The owner of a closed socket gets its `close` event, and ends the splice. No socket is closed before this returns.
    if (!this.#to.isOpen || !this.#from.isOpen) return [moved, 'target'];
    for (;;) {
      if (this.#held > 0) {
        const given = this.#give();
        if (given < 0) return [moved, 'target-broken'];
        moved += given;
        if (this.#held > 0) return [moved, 'target'];
      }
      if (this.#left === 0 || this.#isStopping) return [moved, 'stopped'];
      if (moved >= allowance || !system.isWritable(this.#to.descriptor)) return [moved, 'target'];
      const taken = this.#take();
      if (taken === WOULD_BLOCK) return [moved, 'source'];
      if (taken === HELD_BACK) return [moved, 'limit'];
      if (taken === BROKEN) return [moved, 'source-broken'];
      if (taken <= 0) return [moved, 'stopped'];
    }
  }

  /**
   * Takes bytes into a pipe. Returns how many, `WOULD_BLOCK`, `HELD_BACK`, `BROKEN`, or 0 if the source has to be read by
   * Node.
   */
  #take(): number {
    const { system, pipes } = this.#tools;
    const passable = this.#findPassable();
    if (passable <= 0) return passable;
    const room = Math.max(MIN_ROOM, system.room(this.#to.descriptor));
    const flow = this.#offer.flow?.() ?? null;
    const allowed = this.#findAllowed(Math.min(passable, this.#takeBytes, room), flow);
    if (allowed <= 0) return allowed;
    const pipe = pipes.acquire();
    if (pipe === null) return 0;
    const taken = system.splice(this.#from.descriptor, pipe.write, Math.min(allowed, pipe.size));
    if (taken <= 0) {
      pipes.release(pipe, true);
      return taken === REFUSED ? 0 : taken;
    }
    this.#pipe = pipe;
    this.#held = taken;
    this.#left -= taken;
    this.#passable -= taken;
    this.#gate?.taken(taken);
    flow?.spend(taken);
    return taken;
  }

  /** How many of `bytes` bytes the limits let pass. A splice whose source has none does not claim any from them. */
  #findAllowed(bytes: number, flow: Flow | null): number {
    const allowed = flow === null ? bytes : flow.allowance(bytes);
    if (allowed > 0) return allowed;
    this.#wanted = bytes;
    const peeked = this.#tools.system.peek(this.#from.descriptor);
    return peeked > 0 ? HELD_BACK : peeked;
  }

  #awaitFlow(): void {
    const flow = this.#offer.flow?.() ?? null;
    this.#awaitedFlow = flow;
    flow?.wait(this.#wanted, () => {
      this.#awaitedFlow = null;
      this.#pump(MAX_BYTES_AFTER_WAIT);
    });
  }

  #findPassable(): number {
    if (this.#gate === null) return this.#left;
    if (this.#passable === 0) {
      const { system } = this.#tools;
      const peeked = system.peek(this.#from.descriptor);
      if (peeked <= 0) return peeked;
      this.#passable = this.#gate.next(system.peekedBytes);
    }
    return Math.min(this.#left, this.#passable);
  }

  /** Moves the held bytes to the target. Returns how many, or `BROKEN`. */
  #give(): number {
    const { system, pipes } = this.#tools;
    const pipe = this.#pipe;
    const given =
      pipe === null ? this.#sendRest() : system.splice(pipe.read, this.#to.descriptor, this.#held);
    if (given === BROKEN || given === REFUSED) return BROKEN;
    if (given > 0) this.#held -= given;
    if (this.#held > 0) {
      this.#takes = 0;
      this.#takeBytes = Math.max(MIN_TAKE, Math.floor(this.#takeBytes / 2));
      const mayLeave = pipe !== null && this.#held <= MAX_REST;
      return mayLeave && !this.#leave(pipe) ? BROKEN : Math.max(0, given);
    }
    this.#rest = null;
    if (pipe === null) return given;
    pipes.release(pipe, true);
    this.#pipe = null;
    this.#takes += 1;
    if (this.#takes >= GROWS_AFTER_TAKES && this.#takeBytes < (this.#unsent.isOn ? FIRST_TAKE : pipe.size)) {
      this.#takes = 0;
      this.#takeBytes *= 2;
    }
    return given;
  }

  /** Takes the held bytes out of the pipe, so that other splices can use it. Returns whether that succeeded. */
  #leave(pipe: PipeEnds): boolean {
    this.#rest = this.#tools.system.readPipe(pipe, this.#held);
    this.#pipe = null;
    this.#tools.pipes.release(pipe, this.#rest !== null);
    return this.#rest !== null;
  }

  #sendRest(): number {
    const rest = this.#rest as Buffer;
    return this.#tools.system.send(this.#to.descriptor, rest, rest.length - this.#held);
  }

  #handBack(): void {
    this.#end();
    this.#later(() => this.#offer.onStopped());
  }

  #later(then: () => void): void {
    setImmediate(() => {
      if (!this.#isCancelled) then();
    });
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#pipe !== null) this.#tools.pipes.release(this.#pipe, this.#held === 0);
    this.#pipe = null;
    this.#rest = null;
    this.#unsent.end();
    this.#awaitedFlow?.stopWaiting();
    this.#awaitedFlow = null;
    this.#from.onceReadable(null);
    this.#to.onceWritable(null);
    this.#tools.poller.release(this.#offer.source, this.#from);
    this.#tools.poller.release(this.#target.socket, this.#to);
  }
}
