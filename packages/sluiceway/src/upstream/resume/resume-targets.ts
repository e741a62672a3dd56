import { retarget } from '../send.js';
import type { Target } from '../target.js';
import type { TransportRequest } from '../transport.js';

/** One exact place to ask, and the request as it goes there. */
export interface StartingPoint {
  target: Target;
  request: TransportRequest;
}

/** One server that has the file. */
interface Server {
  /** Where one begins to ask. */
  start: StartingPoint;
  /** Where the redirects from there have led to; the same where there were none. */
  last: StartingPoint;
  /** False for the first server of all: others may have entity tags of their own. */
  isMirror: boolean;
  /** It asks not to be asked before that, as `performance.now`. */
  notBefore: number;
}

/** The places that have the same content, and which of them is asked next. */
export class ResumeTargets {
  readonly #servers: Server[];
  #at = 0;

  /** One began to ask at `start`, the second place has answered; `mirrors` have the same file. */
  constructor(
    start: StartingPoint,
    { target, request }: StartingPoint,
    mirrors: readonly Target[],
    secretFields: readonly string[],
  ) {
    const toMirror = (mirror: Target): Server => {
      const place = aim(start, mirror, secretFields);
      return { start: place, last: place, isMirror: true, notBefore: 0 };
    };
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

  /** The place has answered, perhaps by way of redirects: there it goes on. */
  arrived({ target, request }: StartingPoint): void {
    this.#server.last = { target, request };
  }

  /** When this server may be asked, as `performance.now`. */
  get notBefore(): number {
    return this.#server.notBefore;
  }

  /**
   * To the next server that has the file, in turn; the only one stays. This one is not to be asked for `afterMs`: others
   * need not wait for that.
   */
  nextServer(afterMs = 0): void {
    this.#server.notBefore = performance.now() + afterMs;
    this.#at += 1;
    this.#skipCoolingDown();
  }

  /** Never asks this server again, and goes to the next. False where there is none. */
  drop(): boolean {
    if (!this.hasMirrors) return false;
    this.#servers.splice(this.#at, 1);
    this.#skipCoolingDown();
    return true;
  }

  /** To the first one, from here on, that may be asked; to the one that may be soonest, where none may. */
  #skipCoolingDown(): void {
    const now = performance.now();
    const inTurn = this.#servers.map((_, index) => (this.#at + index) % this.#servers.length);
    const when = (index: number): number => Math.max(now, this.#servers[index]?.notBefore ?? 0);
    this.#at = inTurn.reduce((first, index) => (when(index) < when(first) ? index : first));
  }

  /** Back to where the redirects began: they may lead elsewhere now. False where there were none. */
  walkAgain(): boolean {
    const server = this.#server;
    if (server.last === server.start || server.last.target === server.start.target) return false;
    server.last = server.start;
    return true;
  }

  /** The server has the file at another URL now. */
  moveTo(target: Target, secretFields: readonly string[]): void {
    const place = aim(this.#server.start, target, secretFields);
    this.#server.start = place;
    this.#server.last = place;
  }

  get #server(): Server {
    return this.#servers[this.#at] as Server;
  }
}

const aim = (
  { target: from, request }: StartingPoint,
  target: Target,
  secretFields: readonly string[],
): StartingPoint => ({
  target,
  request: retarget(request, from, target, secretFields),
});
