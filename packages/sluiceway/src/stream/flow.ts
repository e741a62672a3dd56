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
export class Flow {
  readonly #shares: Share[] = [];
  #wanted = 0;
  #go: ((bytes: number) => void) | null = null;

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
    if (this.#shares.length === 0) return bytes;
    const now = performance.now();
    let taken = bytes;
    let least = 1;
    for (const share of this.#shares) {
      taken = Math.min(taken, share.available(now));
      least = Math.max(least, share.minPiece);
    }
    taken = Math.floor(taken);
    least = Math.min(least, bytes);
    if (taken < least) {
      for (const share of this.#shares) share.wait(share.available(now) < least);
      return 0;
    }
    for (const share of this.#shares) share.spend(taken);
    return taken;
  }

  /** Calls `go` once, with the number of bytes that can pass, at most `bytes`. For content for which `take` returned 0. */
  wait(bytes: number, go: (bytes: number) => void): void {
    this.#wanted = bytes;
    this.#go = go;
    waiting.add(this);
    arm();
  }

  stopWaiting(): void {
    if (this.#go === null) return;
    this.#go = null;
    waiting.delete(this);
    if (waiting.size === 0) disarm();
    for (const share of this.#shares) share.wait(false);
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
    const bytes = this.take(this.#wanted);
    const go = this.#go;
    if (bytes === 0 || go === null) return;
    this.#go = null;
    waiting.delete(this);
    go(bytes);
  }
}

const waiting = new Set<Flow>();
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
  for (const flow of waiting) flow.distribute(now);
  // A flow that waits again is visited once more, and finds nothing.
  for (const flow of waiting) flow.retry();
  arm();
}
