import type { Fields, ReadonlyFields } from '../../http/fields.js';
import type { Target } from '../../upstream/target.js';
import type { TransferRecord } from './transfer-record.js';

/** What a trace begins with. */
export interface TracedRequest {
  readonly method: string;
  readonly headers: ReadonlyFields;
  readonly host: string | null;
  readonly protocol: 'http' | 'https';
}

/** Traces one transfer. */
export interface TransferTrace {
  /** Called before each request to an origin server. It may set fields that carry the trace on. */
  onAttempt(target: Target, headers: Fields): void;
  /** Called when broken content goes on. */
  onResume(): void;
  onEnd(record: TransferRecord): void;
}

/** Traces transfers. `openTelemetry()` of `sluiceway/opentelemetry` creates one. */
export interface Tracing {
  /** Called when a request has been read. */
  start(request: TracedRequest): TransferTrace;
}
