import { type Placed, PlacedList } from '../placed-list.js';

/** How often waiting flows are looked at. One timer serves all flows of the process, and runs only while one waits. */
const TICK_MS = 25;

/** What limits a flow, as one limit sees that flow. */
export interface Share {
  /** The least number of bytes that is worth a write. */
  readonly minPiece: number;
  /** Bytes that the flow can pass now. */
  available(now: number): number;
  spend(bytes: number): void;
  /** The flow waits. `isShort`: for this limit; otherwise only for others. */
  wait(isShort: boolean): void;
  /** Called before waiting flows are looked at, for each of them. */
  distribute(now: number): void;
  /** The flow is over. */
  leave(): void;
}

/** Content that moves in one direction, and the limits for it. All of them apply. */
export class Flow implements Placed {
  readonly #shares: Share[] = [];
  #wanted = 0;
  #go: (() => void) | null = null;
  /** In the list of waiting flows. -1: not in it. */
  place = -1;

  /** Whether any limit applies. */
  get isLimited(): boolean {
    return this.#shares.length > 0;
  }

  add(share: Share): void {
    this.#shares.push(share);
  }

  /** Removes all limits that `isGone` selects. */
  remove(isGone: (share: Share) => boolean = () => true): void {
    for (let index = this.#shares.length - 1; index >= 0; index -= 1) {
      const share = this.#shares[index];
      if (share === undefined || !isGone(share)) continue;
      share.leave();
      this.#shares.splice(index, 1);
    }
    if (this.#go !== null) wake();
  }

  /** Returns how many of `bytes` bytes can pass now, and takes them from all limits. 0: wait. */
  take(bytes: number): number {
    const taken = this.allowance(bytes);
    if (taken > 0) this.spend(taken);
    return taken;
  }

  /** Returns how many of `bytes` bytes can pass now, and takes nothing. 0: too few are available to be worth a write. */
  allowance(bytes: number): number {
    if (this.#shares.length === 0) return bytes;
    const now = performance.now();
    let available = bytes;
    for (const share of this.#shares) available = Math.min(available, share.available(now));
    available = Math.floor(available);
    return available < this.#least(bytes) ? 0 : available;
  }

  /** Takes bytes from all limits: at most what `allowance` has just returned. */
  spend(bytes: number): void {
    for (const share of this.#shares) share.spend(bytes);
  }

  /** Calls `go` once, when some of `bytes` bytes can pass. For content for which `take` or `allowance` returned 0. */
  wait(bytes: number, go: () => void): void {
    this.#wanted = bytes;
    this.#go = go;
    this.#claim();
    if (this.place < 0) waiting.add(this);
    arm();
  }

  stopWaiting(): void {
    if (this.#go === null) return;
    this.#stopWaiting();
    if (waiting.size === 0) disarm();
  }

  /** The content is over. */
  end(): void {
    this.stopWaiting();
    this.remove();
  }

  /** Called for flows that wait. */
  distribute(now: number): void {
    for (const share of this.#shares) share.distribute(now);
  }

  /** Called for flows that wait, after the limits have distributed. */
  retry(): void {
    const go = this.#go;
    if (go === null) return;
    if (this.allowance(this.#wanted) === 0) {
      this.#claim();
      return;
    }
    this.#stopWaiting();
    go();
  }

  #stopWaiting(): void {
    this.#go = null;
    waiting.delete(this);
    this.place = -1;
    for (const share of this.#shares) share.wait(false);
  }

  /** Tells the limits which of them the flow waits for. */
  #claim(): void {
    const now = performance.now();
    const least = this.#least(this.#wanted);
    for (const share of this.#shares) share.wait(share.available(now) < least);
  }

  /** The least part of `bytes` bytes that is worth a write. */
  #least(bytes: number): number {
    let least = 1;
    for (const share of this.#shares) least = Math.max(least, share.minPiece);
    return Math.min(least, bytes);
  }
}

const waiting = new PlacedList<Flow>();
let timer: NodeJS.Timeout | null = null;

/** Looks at waiting flows soon, because a limit has changed. */
export function wake(): void {
  disarm();
  arm(1);
}

function disarm(): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
}

function arm(ms = TICK_MS): void {
  if (timer === null && waiting.size > 0) timer = setTimeout(tick, ms);
}

function tick(): void {
  timer = null;
  const now = performance.now();
  // Flows stop waiting meanwhile, and begin again.
  const flows = [...waiting.all];
  for (const flow of flows) flow.distribute(now);
  for (const flow of flows) flow.retry();
  arm();
}
