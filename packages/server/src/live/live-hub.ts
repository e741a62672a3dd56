import type { Readable } from 'node:stream';
import { EventStream, formatEvent } from './event-stream.js';
import { type ExplainedFailure, mergeFailures } from './failures.js';
import { type HistoryPoint, TotalsHistory } from './history.js';
import {
  type BlockOrder,
  type LimitUse,
  mergeBlocks,
  mergeLimits,
  mergeRules,
  type RouteBlock,
  type RouteRule,
} from './limit-use.js';
import { LiveState } from './live-state.js';
import { NOT_WATCHING } from './process-view.js';
import type { AskProcesses, LinkName } from './questions.js';
import { type DrainOrder, type DrainResult, type GroupView, mergeGroups } from './servers.js';
import type { TransferView } from './transfer-view.js';

/** Shortest time between two events with changes. */
const INTERVAL_MS = 250;
/** An interval is at least this many times as long as the work for its events, which bounds the processor time. */
const IDLE_FACTOR = 30;
const MAX_INTERVAL_MS = 1000;
const COMMENT_INTERVAL_MS = 15_000;
const MAX_READERS = 64;

/** Reconnect soon: the snapshot that follows is cheap. */
const GREETING = Buffer.from('retry: 1000\n\n');
const COMMENT = Buffer.from(': still here\n\n');

/** The live view of the server: what its processes tell, for all who look at it. Looks at transfers only meanwhile. */
export class LiveHub {
  readonly #ask: AskProcesses;
  readonly #history = new TotalsHistory();
  readonly #readers = new Set<EventStream>();
  /** Servers that are drained. */
  readonly #drains = new Map<string, DrainOrder>();
  #state = new LiveState();
  #eventId = 0;
  /** The session of each process, which changes when an answer is missing. */
  readonly #sessions = new Map<number, number>();
  #nextSession = NOT_WATCHING + 1;
  #isLooking = false;
  #timer: NodeJS.Timeout | null = null;
  #commentTimer: NodeJS.Timeout | null = null;
  #secondTimer: NodeJS.Timeout | null = null;
  #isEnded = false;

  constructor(ask: AskProcesses) {
    this.#ask = ask;
  }

  /** Begins the history. Each second costs one look at the running transfers. */
  start(): void {
    if (this.#secondTimer === null && !this.#isEnded) void this.#second();
  }

  end(): void {
    this.#isEnded = true;
    for (const reader of [...this.#readers]) reader.destroy();
    for (const timer of [this.#timer, this.#commentTimer, this.#secondTimer])
      if (timer !== null) clearTimeout(timer);
  }

  async transfers(): Promise<TransferView[]> {
    const answers = await this.#ask('transfers', () => null);
    return answers.flatMap(({ worker, answer }) => (answer ?? []).map((view) => ({ ...view, worker })));
  }

  async transfer(id: string): Promise<TransferView | null> {
    const answers = await this.#ask('transfer', () => id);
    for (const { worker, answer } of answers) if (answer !== null) return { ...answer, worker };
    return null;
  }

  /** Returns false if no such transfer runs. */
  async abort(id: string, reason: string): Promise<boolean> {
    const answers = await this.#ask('abort', () => ({ id, reason }));
    return answers.some(({ answer }) => answer === true);
  }

  /** `rate`: bytes per second; null for no limit. Returns false if no such transfer runs. */
  async limit(id: string, rate: number | null): Promise<boolean> {
    const answers = await this.#ask('limit', () => ({ id, rate }));
    return answers.some(({ answer }) => answer === true);
  }

  async failures(): Promise<ExplainedFailure[]> {
    const answers = await this.#ask('failures', () => null);
    return mergeFailures(answers.flatMap(({ answer }) => answer ?? []));
  }

  /** The groups of servers. */
  async groups(): Promise<GroupView[]> {
    const answers = await this.#ask('servers', () => null);
    return mergeGroups(answers.flatMap(({ answer }) => (answer === null ? [] : [answer])));
  }

  /** Takes a server out of its group, or puts it back. Workers that start later are told, too. */
  async drain(order: DrainOrder): Promise<DrainResult> {
    const answers = await this.#ask('drainServer', () => order);
    const results = answers.flatMap(({ answer }) => answer ?? []);
    const result = results.includes('last') ? 'last' : results.includes('done') ? 'done' : 'unknown';
    const key = JSON.stringify([order.group, order.server]);
    if (order.isDrained && result === 'done') this.#drains.set(key, { ...order, move: false });
    else if (!order.isDrained) this.#drains.delete(key);
    return result;
  }

  /** What the keys of limits use. */
  async limits(top: number): Promise<LimitUse[]> {
    const answers = await this.#ask('limits', () => ({ top }));
    return mergeLimits(
      answers.flatMap(({ answer }) => answer ?? []),
      top,
    );
  }

  /** The rules of limits. */
  async rules(): Promise<RouteRule[]> {
    const answers = await this.#ask('rules', () => null);
    return mergeRules(answers.flatMap(({ answer }) => answer ?? []));
  }

  /** The blocked keys. */
  async blocks(): Promise<RouteBlock[]> {
    const answers = await this.#ask('blocks', () => null);
    return mergeBlocks(answers.flatMap(({ answer }) => answer ?? []));
  }

  /** The routes whose gateways have links. */
  async gateways(): Promise<string[]> {
    const answers = await this.#ask('gateways', () => null);
    return [...new Set(answers.flatMap(({ answer }) => answer ?? []))];
  }

  /** Returns the number of aborted transfers; null if there is no such rule. */
  async block(order: BlockOrder): Promise<number | null> {
    const answers = await this.#ask('blockKey', () => order);
    const known = answers.flatMap(({ answer }) => answer ?? []);
    return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0);
  }

  /** Returns the number of aborted downloads; null if no gateway has signed the link, or there is no gateway. */
  async revoke(link: LinkName): Promise<number | null> {
    const answers = await this.#ask('revoke', () => link);
    const known = answers.flatMap(({ answer }) => answer ?? []);
    return known.length === 0 ? null : known.reduce((sum, each) => sum + each, 0);
  }

  /** The seconds after a time in milliseconds. */
  history(since: number): readonly HistoryPoint[] {
    return this.#history.since(since);
  }

  /** Events for one reader: everything, then changes. Null if there are too many readers. */
  open(): Readable | null {
    if (this.#readers.size >= MAX_READERS || this.#isEnded) return null;
    const reader: EventStream = new EventStream(
      () => this.#wake(0),
      () => this.#leave(reader),
    );
    this.#readers.add(reader);
    this.#commentTimer ??= setInterval(() => this.#sendAll(COMMENT), COMMENT_INTERVAL_MS);
    return reader;
  }

  #leave(reader: EventStream): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0 || this.#commentTimer === null) return;
    clearInterval(this.#commentTimer);
    this.#commentTimer = null;
  }

  #wake(ms: number): void {
    if (this.#isLooking || this.#isEnded) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), ms);
  }

  async #look(): Promise<void> {
    this.#timer = null;
    this.#isLooking = true;
    let workMs = 0;
    try {
      if (this.#readers.size === 0) {
        await this.#stopWatching();
        return;
      }
      const asked = performance.now();
      const asking = this.#ask('changes', (pid) => ({ session: this.#sessionOf(pid) }));
      // Without workers the answer is worked out within the call.
      workMs = performance.now() - asked;
      const answers = await asking;
      const began = performance.now();
      for (const { pid, answer } of answers) if (answer === null) this.#sessions.delete(pid);
      const now = Date.now();
      const delta = this.#state.apply(answers, now);
      if (delta.started.length + delta.changed.length + delta.ended.length > 0)
        this.#sendAll(formatEvent('delta', ++this.#eventId, delta));
      this.#sendWhole(now);
      workMs += performance.now() - began;
    } finally {
      this.#isLooking = false;
    }
    this.#wake(Math.min(MAX_INTERVAL_MS, Math.max(INTERVAL_MS, workMs * IDLE_FACTOR)));
  }

  /** Processes forget what they have told. */
  async #stopWatching(): Promise<void> {
    this.#state = new LiveState();
    this.#sessions.clear();
    await this.#ask('changes', () => ({ session: NOT_WATCHING }));
    if (this.#readers.size > 0) setImmediate(() => this.#wake(0));
  }

  #sessionOf(pid: number): number {
    const session = this.#sessions.get(pid) ?? this.#nextSession++;
    this.#sessions.set(pid, session);
    return session;
  }

  #sendAll(bytes: Buffer): void {
    for (const reader of this.#readers) reader.send(bytes);
  }

  /** Sends everything to readers that are new or have missed something. */
  #sendWhole(now: number): void {
    const waiting = [...this.#readers].filter(({ isWaiting }) => isWaiting);
    if (waiting.length === 0) return;
    const snapshot = { time: new Date(now).toISOString(), transfers: this.#state.views(now) };
    const bytes = formatEvent('snapshot', ++this.#eventId, snapshot);
    const { last } = this.#history;
    const totals = last === null ? [] : [formatEvent('totals', ++this.#eventId, last)];
    for (const reader of waiting) reader.startWith(Buffer.concat([GREETING, bytes, ...totals]));
  }

  /** Takes the sums, once a second. */
  async #second(): Promise<void> {
    const totals = this.#history.add(await this.#ask('totals', () => null), Date.now());
    if (this.#isEnded) return;
    // A worker that has just started, and a group that a reload has replaced, do not know them.
    for (const order of this.#drains.values()) await this.#ask('drainServer', () => order);
    if (this.#readers.size > 0) this.#sendAll(formatEvent('totals', ++this.#eventId, totals));
    // Timers can fire early, and then the next second is close.
    const rest = 1000 - (Date.now() % 1000);
    this.#secondTimer = setTimeout(() => void this.#second(), rest < 500 ? rest + 1000 : rest);
    this.#secondTimer.unref();
  }
}
