import type { Outcome } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { BaseTarget } from '../../http/target.js';
import { clientKey } from '../../net/client-key.js';
import type { Target } from '../target.js';
import type { Transport } from '../transport.js';
import type { BalancedRequest } from './choose/hash-key.js';
import type { ConnectionLimit } from './connection-limit.js';
import type { UpstreamGroup } from './group.js';
import { MeasuredTransport, type Uses } from './measured-transport.js';
import type { Server } from './server.js';
import { type Mover, type Progress, ServerUse } from './server-use.js';

/** Outcomes that are the fault of the server that sent the content. */
const BROKEN: ReadonlySet<Outcome> = new Set<Outcome>([
  'upstream_truncated',
  'upstream_stalled',
  'upstream_invalid',
]);

interface AbortableProgress extends Progress {
  /** Aborted with the transfer. */
  readonly signal: AbortSignal;
}

const NONE: readonly Server[] = [];

/** Most moves of one transfer because of its rate, or on request. */
const MAX_MOVES = 3;

/** The use of a group by one transfer: which servers it has tried, which one it uses, and what comes next. */
export class BalancedTransfer implements Uses, Mover {
  readonly group: UpstreamGroup;
  readonly #request: BalancedRequest;
  readonly #progress: AbortableProgress;
  readonly #limit: ConnectionLimit | null;
  #join: (base: BaseTarget) => Target;
  #tried: Server[];
  /** Uses that have not ended; the last one is the newest. */
  readonly #uses: ServerUse[];
  #server: Server;
  /** The content has broken off, which is already counted, and was not continued yet. */
  #isBroken = false;
  #moves = 0;
  /** Whether the rest can be proved if it comes from another server. */
  isPortable = false;

  private constructor(
    group: UpstreamGroup,
    request: BalancedRequest,
    progress: AbortableProgress,
    join: (base: BaseTarget) => Target,
    server: Server,
    limit: ConnectionLimit | null,
  ) {
    this.#limit = limit;
    this.group = group;
    this.#request = request;
    this.#progress = progress;
    this.#join = join;
    this.#server = server;
    // Lists of one: an empty one that is added to makes room for 17.
    this.#tried = [server];
    this.#uses = [new ServerUse(server, progress, limit)];
    group.budget.request();
  }

  /**
   * Chooses the first server, and waits for one if all have as many transfers as they may have. `join` makes a server's
   * target. `limit` is that of the connections of the proxy; null if there is none. Throws or rejects if no server is available, or becomes available in time.
   */
  static begin(
    group: UpstreamGroup,
    request: BalancedRequest,
    progress: AbortableProgress,
    join: (base: BaseTarget) => Target,
    limit: ConnectionLimit | null,
  ): BalancedTransfer | Promise<BalancedTransfer> {
    const take = (): BalancedTransfer | null => {
      const server = group.choose(request, NONE, true, limit);
      return server === null ? null : new BalancedTransfer(group, request, progress, join, server, limit);
    };
    group.circuit?.admit();
    // Requests that wait come first.
    const taken = group.queue.length === 0 ? take() : null;
    if (taken !== null) return taken;
    if (group.queue.length === 0 && !group.choice.isAtLimit(limit)) throw group.unavailable();
    return group.queue.wait(clientKey(request.forwarded.for), take, progress.signal);
  }

  /** The base of the server that is used. */
  get base(): BaseTarget {
    return this.#server.base;
  }

  get target(): Target {
    return this.#join(this.#server.base);
  }

  /** A hook has changed the path of the target. The other servers get the same path below their own. */
  changePath(path: string): void {
    const from = this.base.path;
    const below = path.startsWith(from) ? path.slice(from.length) : path;
    // Not assigned as a literal: V8 would allocate it in the old generation, and keep the transfer alive.
    const join = (base: BaseTarget): Target => ({ base, path: base.path + below });
    this.#join = join;
  }

  /** Adds the cookie that keeps the client at the server that has answered, if it needs one. */
  setCookie(fields: Fields, { forwarded }: { readonly forwarded: { readonly proto: string } }): void {
    if (this.group.sticky === null) return;
    const line = this.group.sticky.cookieFor(this.#server, this.#request, forwarded.proto === 'https');
    if (line !== null) fields.append('Set-Cookie', line);
  }

  /** Moves on to a server that has not been tried. False if none is available. */
  moveOn(): boolean {
    const server = this.group.choose(this.#request, this.#tried, false, this.#limit);
    if (server === null) return false;
    this.#server = server;
    this.#take(server);
    return true;
  }

  /** Chooses a server for a second request beside the current one. Null if there is none. */
  hedge(): Target | null {
    const server = this.group.choose(this.#request, this.#tried, false, this.#limit);
    if (server === null) return null;
    this.#take(server);
    return this.#join(server.base);
  }

  /** The server of one of two requests has won, and the use of the other one ends. */
  won({ base }: Target): void {
    const use = this.#uses.find(({ server }) => server.base === base);
    if (use === undefined) return;
    this.#server = use.server;
    for (const other of this.#uses.splice(0)) if (other !== use) other.end();
    this.#uses.push(use);
  }

  /**
   * Forgets which servers were tried, and chooses again. Waits like a new request if all servers have as many transfers as
   * they may have. False if none is available.
   */
  async startOver(): Promise<boolean> {
    this.#tried = [];
    const take = (): Server | null => {
      const server = this.group.choose(this.#request, NONE, true, this.#limit);
      if (server === null) return null;
      this.#server = server;
      this.#take(server);
      return server;
    };
    if (take() !== null) return true;
    if (!this.group.choice.isAtLimit(this.#limit)) return false;
    await this.group.queue.wait(clientKey(this.#request.forwarded.for), take, this.#progress.signal);
    return true;
  }

  /** Sends requests of this transfer. */
  measure(transport: Transport): Transport {
    return new MeasuredTransport(transport, this, this.group.ejection);
  }

  useFor(destination: object): ServerUse | null {
    const last = this.#uses.at(-1);
    if (last !== undefined && !last.isSent && last.server.base === destination) return last;
    const server = this.group.serverOf(destination);
    return server === undefined ? null : this.#use(server);
  }

  /** The last response is used from here on, and no earlier one. */
  settle(): void {
    this.#isBroken = false;
    const last = this.#uses.at(-1);
    if (last !== undefined) {
      last.mover = this;
      this.group.rates.add(last);
    }
    for (const use of this.#uses.splice(0, this.#uses.length - 1)) use.end();
  }

  /** The transfer goes elsewhere, or the attempt has failed. */
  release(): void {
    for (const use of this.#uses.splice(0)) use.end();
  }

  /** The content of the response has broken off or is too slow. */
  broke(): void {
    const use = this.#uses.at(-1);
    if (use === undefined || this.#isBroken) return;
    this.#isBroken = true;
    this.group.ejection.broken(use.server, use.beganAt);
  }

  /** Whether the server that has sent content is ejected. */
  get isEjected(): boolean {
    return this.#uses.at(-1)?.server.isOnTrial ?? false;
  }

  /** Whether another server may take over content that is slow. Limited, since a move costs a request. */
  mayMove(): boolean {
    if (!this.isPortable || this.#moves >= MAX_MOVES || this.#isAlone) return false;
    this.#moves += 1;
    return true;
  }

  get #isAlone(): boolean {
    return this.group.choice.others(this.#request, this.#server, this.#limit).length === 0;
  }

  /** Targets at the other servers, for the rest of the content: best first, and last those that are not available. */
  others(): Target[] {
    return this.group.choice
      .lastResorts(this.#request, this.#server, this.#limit)
      .map(({ base }) => this.#join(base));
  }

  /** The transfer has ended. */
  end(outcome: Outcome): void {
    const use = this.#uses.at(-1);
    if (use?.isAnswered === true) {
      if (BROKEN.has(outcome)) this.broke();
      else if (outcome === 'completed') {
        this.group.ejection.completed(use.server);
        this.group.rates.completed(use);
      }
    }
    this.release();
  }

  #take(server: Server): void {
    this.#tried.push(server);
    this.#use(server);
  }

  #use(server: Server): ServerUse {
    const use = new ServerUse(server, this.#progress, this.#limit);
    this.#uses.push(use);
    return use;
  }
}
