import { retarget, type StartingPoint } from '../send.js';
import type { Target } from '../target.js';

/** One server that has the file. */
interface Server {
  /** The target before redirects. */
  start: StartingPoint;
  /** The target after redirects; the same as `start` if there were none. */
  last: StartingPoint;
  /** False for the first server. Others may have different entity tags. */
  isMirror: boolean;
  /** The earliest time for the next request, as `performance.now`. */
  notBefore: number;
}

/** The servers that have the same content, and which of them is asked next. */
export class ResumeTargets {
  readonly #servers: Server[];
  #at = 0;

  /** The first request went to `start`, and after redirects the second target has answered. `mirrors` have the same file. */
  constructor(start: StartingPoint, { target, request }: StartingPoint, mirrors: readonly StartingPoint[]) {
    const toMirror = (place: StartingPoint): Server => ({
      start: place,
      last: place,
      isMirror: true,
      notBefore: 0,
    });
    const first = { start, last: { target, request }, isMirror: false, notBefore: 0 };
    this.#servers = [first, ...mirrors.map(toMirror)];
  }

  get place(): StartingPoint {
    return this.#server.last;
  }

  get isAtMirror(): boolean {
    return this.#server.isMirror;
  }

  get hasMirrors(): boolean {
    return this.#servers.length > 1;
  }

  /** Records the target that has answered, possibly after redirects. The next request goes there. */
  arrived({ target, request }: StartingPoint): void {
    this.#server.last = { target, request };
  }

  /** The earliest time for the next request to this server, as `performance.now`. */
  get notBefore(): number {
    return this.#server.notBefore;
  }

  /**
   * Moves to the next server that has the file. A single server stays. The current one is not asked for `afterMs`, which
   * does not delay requests to others.
   */
  nextServer(afterMs = 0): void {
    this.#server.notBefore = performance.now() + afterMs;
    this.#at += 1;
    this.#skipCoolingDown();
  }

  /** Removes this server and moves to the next. False if there is none. */
  drop(): boolean {
    if (!this.hasMirrors) return false;
    this.#servers.splice(this.#at, 1);
    this.#skipCoolingDown();
    return true;
  }

  /** Moves to the next server that can be asked now or, if there is none, to the one that can be asked soonest. */
  #skipCoolingDown(): void {
    const now = performance.now();
    const inTurn = this.#servers.map((_, index) => (this.#at + index) % this.#servers.length);
    const when = (index: number): number => Math.max(now, this.#servers[index]?.notBefore ?? 0);
    this.#at = inTurn.reduce((first, index) => (when(index) < when(first) ? index : first));
  }

  /** Moves back to the start of the redirects, which may lead elsewhere now. False if there were none. */
  walkAgain(): boolean {
    const server = this.#server;
    if (server.last === server.start || server.last.target === server.start.target) return false;
    server.last = server.start;
    return true;
  }

  /** Sets a new URL for the file on this server. */
  moveTo(target: Target, secretFields: readonly string[]): void {
    const place = aim(this.#server.start, target, secretFields);
    this.#server.start = place;
    this.#server.last = place;
  }

  get #server(): Server {
    return this.#servers[this.#at] as Server;
  }
}

/** The same request for a target that may belong to somebody else. */
export const aim = (
  { target: from, request }: StartingPoint,
  target: Target,
  secretFields: readonly string[],
): StartingPoint => ({
  target,
  request: retarget(request, from, target, secretFields),
});
