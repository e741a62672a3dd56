import type { LiveTransfer, Observer, TransferRecord } from '../proxy/transfer/transfer-record.js';
import { Distributions, histogram, type MetricSnapshot, Numbers, numbers } from './registry.js';

/** Seconds. Large files take from milliseconds to hours. */
const DURATION_BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200];
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The label for servers that are not configured: their number has no limit. */
const OTHER = 'other';

/** The transfers of one route. */
export interface RouteMetrics {
  /** The label `route`. Default: `default`. */
  route?: string;
  /** The origin servers that get a label of their own, such as `https://files.example.com`. Default: none. */
  upstreams?: readonly string[];
}

/** Counts transfers, for Prometheus. Labels have only values that a configuration contains, so their number is bounded. */
export class TransferMetrics {
  /** By route. */
  readonly #running = new Map<string, RunningOfRoute>();
  readonly #transfers = new Numbers();
  readonly #bytes = new Numbers();
  readonly #resumes = new Numbers();
  readonly #bytesResumed = new Numbers();
  readonly #attempts = new Numbers();
  readonly #connections = new Numbers();
  readonly #limited = new Numbers();
  readonly #refused = new Numbers();
  readonly #errors = new Numbers();
  readonly #durations = new Distributions(DURATION_BOUNDS);
  readonly #firstBytes = new Distributions(LATENCY_BOUNDS);
  readonly #heads = new Distributions(LATENCY_BOUNDS);
  readonly #connects = new Distributions(LATENCY_BOUNDS);

  /** Returns the observer for the transfers of a route. */
  observer({ route = 'default', upstreams = [] }: RouteMetrics = {}): Observer {
    const running = this.#running.get(route) ?? new RunningOfRoute();
    this.#running.set(route, running);
    const known = new Set(upstreams);
    const down = this.#bytes.cell(route, 'down');
    const up = this.#bytes.cell(route, 'up');
    const durations = this.#durations.cell(route);
    const firstBytes = this.#firstBytes.cell(route);
    return {
      onTransferStart: (transfer) => running.add(transfer),
      onTransferEnd: (record) => {
        running.delete(record.id);
        down.value += record.bytesDown;
        up.value += record.bytesUp;
        durations.add(record.durationMs / 1000);
        if (record.firstByteMs !== null) firstBytes.add(record.firstByteMs / 1000);
        this.#count(record, route, known);
      },
    };
  }

  /** The current values. Bytes include those of running transfers. */
  snapshot(): MetricSnapshot[] {
    return [
      numbers(
        'gauge',
        'sluiceway_transfers_running',
        'Transfers that have not ended.',
        ['route'],
        this.#runningSeries(),
      ),
      numbers(
        'counter',
        'sluiceway_transfers_total',
        'Transfers that have ended, by outcome and class of the status.',
        ['route', 'outcome', 'status'],
        this.#transfers.all,
      ),
      numbers(
        'counter',
        'sluiceway_transfer_bytes_total',
        'Content bytes to clients (down) and to origin servers (up), with those of running transfers.',
        ['route', 'direction'],
        this.#bytesNow(),
      ),
      histogram(
        'sluiceway_transfer_duration_seconds',
        'From the arrival of the request to the end of the transfer.',
        ['route'],
        this.#durations,
      ),
      histogram(
        'sluiceway_time_to_first_byte_seconds',
        'From the arrival of the request to the response head for the client.',
        ['route'],
        this.#firstBytes,
      ),
      numbers(
        'counter',
        'sluiceway_upstream_requests_total',
        'Requests to origin servers, redirects and retries included, by the server that was asked last.',
        ['route', 'upstream'],
        this.#attempts.all,
      ),
      numbers(
        'counter',
        'sluiceway_upstream_connections_total',
        'Connections that were opened for a request, by origin server.',
        ['route', 'upstream'],
        this.#connections.all,
      ),
      histogram(
        'sluiceway_upstream_connect_duration_seconds',
        'Time to open a connection to an origin server, with name resolution and TLS.',
        ['route', 'upstream'],
        this.#connects,
      ),
      histogram(
        'sluiceway_upstream_response_head_seconds',
        'From the arrival of the request to the response head of the origin server.',
        ['route', 'upstream'],
        this.#heads,
      ),
      numbers(
        'counter',
        'sluiceway_resumes_total',
        'How often broken content was continued.',
        ['route'],
        this.#resumes.all,
      ),
      numbers(
        'counter',
        'sluiceway_resumed_bytes_total',
        'Content bytes that clients got after a break.',
        ['route'],
        this.#bytesResumed.all,
      ),
      numbers(
        'counter',
        'sluiceway_limits_hit_total',
        'Requests that a limit refused, by status.',
        ['route', 'status'],
        this.#limited.all,
      ),
      numbers(
        'counter',
        'sluiceway_access_refusals_total',
        'Requests that were answered 401, 403 or 407 by this server itself.',
        ['route', 'status'],
        this.#refused.all,
      ),
      numbers(
        'counter',
        'sluiceway_errors_total',
        'Transfers that ended with an error, by its code.',
        ['route', 'code'],
        this.#errors.all,
      ),
    ];
  }

  #count(record: TransferRecord, route: string, known: ReadonlySet<string>): void {
    const { status, outcome, upstream, error } = record;
    this.#transfers.cell(route, outcome, status === null ? 'none' : `${Math.floor(status / 100)}xx`).value +=
      1;
    if (error !== null) this.#errors.cell(route, error).value += 1;
    if (record.resumes > 0) {
      this.#resumes.cell(route).value += record.resumes;
      this.#bytesResumed.cell(route).value += record.bytesResumed;
    }
    if (outcome === 'limited') this.#limited.cell(route, String(status ?? 'none')).value += 1;
    if (
      (outcome === 'rejected' || outcome === 'blocked') &&
      (status === 401 || status === 403 || status === 407)
    )
      this.#refused.cell(route, String(status)).value += 1;
    if (upstream === null) return;
    const server = known.has(upstream) ? upstream : OTHER;
    this.#attempts.cell(route, server).value += record.attempts;
    if (record.responseHeadMs !== null) this.#heads.cell(route, server).add(record.responseHeadMs / 1000);
    if (record.connectMs === null) return;
    this.#connections.cell(route, server).value += 1;
    this.#connects.cell(route, server).add(record.connectMs / 1000);
  }

  #runningSeries() {
    return Array.from(this.#running, ([route, { size }]) => ({ labels: [route], value: size }));
  }

  #bytesNow() {
    return this.#bytes.all.map(({ labels, value }) => {
      const [route = '', direction] = labels;
      let more = 0;
      for (const { bytesDown, bytesUp } of this.#running.get(route)?.all ?? [])
        more += direction === 'down' ? bytesDown : bytesUp;
      return { labels, value: value + more };
    });
  }
}

/**
 * The running transfers of a route. Their ids alone are in a `Map`: V8 keeps alive what was in one for a while, as
 * `PlacedList` says.
 */
class RunningOfRoute {
  readonly all: LiveTransfer[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.all.length;
  }

  add(transfer: LiveTransfer): void {
    this.#places.set(transfer.id, this.all.push(transfer) - 1);
  }

  delete(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    const last = this.all.pop();
    if (last === undefined || last.id === id) return;
    this.all[place] = last;
    this.#places.set(last.id, place);
  }
}
