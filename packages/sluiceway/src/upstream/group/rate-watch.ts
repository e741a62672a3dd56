import { SluicewayError } from '../../errors.js';
import { RATE_VALID_MS, type Server } from './server.js';

/** Checked values of `move`. */
export interface MoveSettings {
  /** Part of the rate of other servers below which content moves, such as 0.1. Null: never. */
  share: number | null;
  afterMs: number;
}

/** Judges servers by the rate of content that nothing but the server limits. */
interface RateJudge {
  /** `usual` is the mean rate of the other servers. */
  delivered(server: Server, rate: number, usual: number): void;
}

/** Content that is being delivered by a server. */
export interface WatchedContent {
  readonly server: Server;
  readonly bytesMoved: number;
  readonly bytesLeft: number;
  /** Whether the transfer waits for the server now, and not for the client. */
  readonly waitsForServer: boolean;
  readonly isOver: boolean;
  /** Requests the rest from another server. False if that is not possible. */
  move(error: SluicewayError): boolean;
}

/** How often in `afterMs` it is looked whom a transfer waits for. */
const LOOKS = 8;
const MIN_TICK_MS = 20;
/** Less content is not worth a move, and says little about the rate of a server. */
const MIN_BYTES = 256 * 1024;

/** The state of content at the beginning of a window. */
interface Mark {
  at: number;
  bytes: number;
  looks: number;
  waits: number;
}

/**
 * Measures the rates at which servers deliver content, and moves content that is much slower than that of the other
 * servers. It looks at all running content a few times per window, so that nothing is done per chunk.
 */
export class RateWatch {
  readonly #settings: MoveSettings;
  readonly #servers: () => readonly Server[];
  readonly #judgeOfServers: RateJudge;
  readonly #marks = new Map<WatchedContent, Mark>();
  #timer: NodeJS.Timeout | null = null;

  constructor(settings: MoveSettings, servers: () => readonly Server[], judge: RateJudge) {
    this.#settings = settings;
    this.#servers = servers;
    this.#judgeOfServers = judge;
  }

  /** The delivery of content begins, or goes on at another server. */
  add(content: WatchedContent): void {
    if (content.bytesLeft < MIN_BYTES || this.#marks.has(content)) return;
    this.#marks.set(content, markOf(content, performance.now()));
    const ms = Math.max(MIN_TICK_MS, this.#settings.afterMs / LOOKS);
    this.#timer ??= setInterval(() => this.#look(performance.now()), ms).unref();
  }

  /** Records the rate of content that is complete. */
  completed(content: WatchedContent): void {
    const mark = this.#marks.get(content);
    if (mark !== undefined) record(content, mark, performance.now());
  }

  #look(now: number): void {
    for (const [content, mark] of this.#marks) {
      if (content.isOver) {
        this.#marks.delete(content);
        continue;
      }
      mark.looks += 1;
      if (content.waitsForServer) mark.waits += 1;
      if (now - mark.at < this.#settings.afterMs) continue;
      this.#judge(content, mark, now);
      if (this.#marks.has(content)) this.#marks.set(content, markOf(content, now));
    }
    if (this.#marks.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #judge(content: WatchedContent, mark: Mark, now: number): void {
    const { share } = this.#settings;
    const rate = record(content, mark, now);
    // A client that reads slowly is not helped by another server.
    if (mark.waits < mark.looks * 0.75 || content.bytesLeft < MIN_BYTES) return;
    const usual = this.#rateOfOthers(content.server, now);
    if (usual === null) return;
    this.#judgeOfServers.delivered(content.server, rate, usual);
    if (share === null || rate >= usual * share) return;
    const text = `${Math.round(rate)} bytes per second from ${content.server.url}, and ${Math.round(usual)} from others`;
    if (content.move(new SluicewayError('connection_read_timeout', text))) this.#marks.delete(content);
  }

  /** The mean rate of the other servers that are available. Null if none is known. */
  #rateOfOthers(server: Server, now: number): number | null {
    const rates = this.#servers()
      .filter((other) => other !== server && other.isAvailable(now) && now - other.ratedAt < RATE_VALID_MS)
      .map(({ bytesPerSecond }) => bytesPerSecond ?? 0);
    return rates.length === 0 ? null : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  }
}

const markOf = ({ bytesMoved }: WatchedContent, at: number): Mark => ({
  at,
  bytes: bytesMoved,
  looks: 0,
  waits: 0,
});

/** Adds the rate of a window to that of the server, unless the client was the limit. Returns the rate. */
function record({ server, bytesMoved }: WatchedContent, mark: Mark, now: number): number {
  const bytes = bytesMoved - mark.bytes;
  const rate = (bytes * 1000) / Math.max(1, now - mark.at);
  const before = now - server.ratedAt > RATE_VALID_MS ? null : server.bytesPerSecond;
  if (mark.waits * 2 < mark.looks && before !== null && rate < before) return rate;
  server.bytesPerSecond = Math.round(before === null ? rate : before * 0.7 + rate * 0.3);
  server.ratedAt = now;
  return rate;
}
