import type { DeltaData, EndData, SnapshotData, TransferData } from './contract.js';
import { fileNameOf } from './format.js';

/** A transfer on the page: running, or ended a moment ago. */
export interface TransferItem {
  data: TransferData;
  /** The name of the file. */
  name: string;
  /** What the search looks through, in lower case. */
  haystack: string;
  /** When `data` arrived, in milliseconds of `performance.now()`. Durations go on from there. */
  at: number;
  end: EndData | null;
  /** When the end arrived. */
  endedAt: number;
}

/** How long an ended transfer stays visible. */
const LINGER_MS = 6000;
/** Most ended transfers that stay visible. */
const MAX_ENDED = 200;

/** The transfers that the page knows, from the events of the server. */
export class TransferStore {
  readonly #items = new Map<string, TransferItem>();
  /** In the order of their ends. */
  readonly #ended = new Set<TransferItem>();
  /** Increases when an item is added or removed. */
  version = 0;
  /** Breaks that were healed while the page watched. */
  healed = 0;
  #stoppedAt: number | null = null;

  get items(): Iterable<TransferItem> {
    return this.#items.values();
  }

  get size(): number {
    return this.#items.size;
  }

  get running(): number {
    return this.#items.size - this.#ended.size;
  }

  /** The connection is lost. Nothing is known of the time until the next snapshot, so no duration goes on. */
  stop(now: number): void {
    this.#stoppedAt ??= now;
  }

  /** The time up to which the transfers are known. */
  timeOf(now: number): number {
    return this.#stoppedAt ?? now;
  }

  get(id: string): TransferItem | undefined {
    return this.#items.get(id);
  }

  /** Replaces everything. */
  applySnapshot({ transfers }: SnapshotData, now: number): void {
    this.#stoppedAt = null;
    const before = new Map(this.#items);
    this.#items.clear();
    this.#ended.clear();
    for (const data of transfers) this.#items.set(data.id, createItem(data, now));
    // A transfer that ended while the connection was lost has no known outcome.
    for (const item of before.values()) if (item.end !== null) this.#keepEnded(item);
    this.version++;
  }

  applyDelta({ started, changed, ended }: DeltaData, now: number): void {
    for (const data of started) this.#items.set(data.id, createItem(data, now));
    for (const change of changed) {
      const item = this.#items.get(change.id);
      if (item === undefined) continue;
      this.healed += Math.max(0, (change.resumes ?? item.data.resumes) - item.data.resumes);
      passTime(item, now);
      Object.assign(item.data, change);
      if (change.path !== undefined || change.client !== undefined || change.upstream !== undefined)
        describe(item);
    }
    for (const end of ended) {
      const item = this.#items.get(end.id);
      if (item === undefined) continue;
      const { bytesDown, bytesUp, durationMs, resumes, status } = end;
      Object.assign(item.data, {
        bytesDown,
        bytesUp,
        durationMs,
        resumes,
        status,
        rateDown: 0,
        rateUp: 0,
        etaMs: null,
        waitingFor: null,
      });
      item.at = now;
      item.end = end;
      item.endedAt = now;
      this.#keepEnded(item);
    }
    if (started.length > 0 || ended.length > 0) this.version++;
  }

  /** Removes what ended long enough ago. Reports whether anything was removed. */
  expire(now: number): boolean {
    const before = this.#ended.size;
    for (const item of this.#ended) {
      if (now - item.endedAt < LINGER_MS) break;
      this.#remove(item);
    }
    if (this.#ended.size === before) return false;
    this.version++;
    return true;
  }

  #keepEnded(item: TransferItem): void {
    this.#items.set(item.data.id, item);
    this.#ended.add(item);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) break;
      this.#remove(oldest);
    }
  }

  #remove(item: TransferItem): void {
    this.#ended.delete(item);
    if (this.#items.get(item.data.id) === item) this.#items.delete(item.data.id);
  }
}

function createItem(data: TransferData, now: number): TransferItem {
  const item: TransferItem = { data, name: '', haystack: '', at: now, end: null, endedAt: 0 };
  describe(item);
  return item;
}

function describe(item: TransferItem): void {
  const { id, requestId, path, route, client, identity, upstream, upstreamAddress, host, method } = item.data;
  item.name = fileNameOf(path);
  item.haystack = [
    item.name,
    path,
    route,
    client,
    identity,
    upstream,
    upstreamAddress,
    host,
    method,
    id,
    requestId,
  ]
    .join('\n')
    .toLowerCase();
}

/** Durations go on while the server has nothing to say. Changes thousands of items a second, so in place. */
function passTime(item: TransferItem, now: number): void {
  const { data, at } = item;
  const passed = now - at;
  data.durationMs += passed;
  data.waitingMs = data.waitingFor === null ? 0 : data.waitingMs + passed;
  if (data.etaMs !== null) data.etaMs = Math.max(0, data.etaMs - passed);
  item.at = now;
}

/** The data as of now. */
export function advance({ data, at, end }: TransferItem, now: number): TransferData {
  const passed = now - at;
  if (end !== null || passed <= 0) return data;
  return {
    ...data,
    durationMs: data.durationMs + passed,
    waitingMs: data.waitingFor === null ? 0 : data.waitingMs + passed,
    etaMs: data.etaMs === null ? null : Math.max(0, data.etaMs - passed),
  };
}

/** Content goes up in an upload, and down in anything else. */
export function isUpload({ requestLength, bytesUp, bytesDown, status }: TransferData): boolean {
  return bytesDown === 0 && (bytesUp > 0 || (requestLength ?? 0) > 0) && status === null;
}

/** The bytes that have passed, and how many there will be: null if unknown. */
export function progressOf(data: TransferData): { bytes: number; total: number | null; rate: number } {
  return isUpload(data)
    ? { bytes: data.bytesUp, total: data.requestLength, rate: data.rateUp }
    : { bytes: data.bytesDown, total: data.responseLength, rate: data.rateDown };
}
