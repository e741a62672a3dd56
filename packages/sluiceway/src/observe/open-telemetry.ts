import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Fields, ReadonlyFields } from '../http/fields.js';
import type { TracedRequest, Tracing, TransferTrace } from '../proxy/transfer/tracing.js';
import type { TransferRecord } from '../proxy/transfer/transfer-record.js';
import type { Target } from '../upstream/target.js';

export interface OpenTelemetryOptions {
  /** Creates the spans. Default: the tracer `sluiceway` of the registered provider. */
  tracer?: Tracer;
}

/**
 * Traces transfers with OpenTelemetry: a server span for each transfer, which continues the client's `traceparent` by the
 * registered propagator, and a client span for each request to an origin server, which gets its context. The SDK and the
 * propagator are the application's. Names are those of the semantic conventions for HTTP.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Tracing {
  return {
    start: (request) => new Trace(options.tracer ?? trace.getTracer('sluiceway'), request),
  };
}

const getter: TextMapGetter<ReadonlyFields> = {
  keys: (headers) => Array.from(headers, ([name]) => name),
  get: (headers, name) => {
    const values = headers.getAll(name);
    return values.length > 1 ? values : values[0];
  },
};

const setter: TextMapSetter<Fields> = { set: (headers, name, value) => void headers.set(name, value) };

class Trace implements TransferTrace {
  readonly #tracer: Tracer;
  readonly #method: string;
  readonly #span: Span;
  readonly #context: Context;
  #attempt: Span | null = null;

  constructor(tracer: Tracer, { method, headers, host, protocol }: TracedRequest) {
    this.#tracer = tracer;
    this.#method = method;
    const parent = propagation.extract(ROOT_CONTEXT, headers, getter);
    this.#span = tracer.startSpan(
      method,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': method,
          'url.scheme': protocol,
          ...(host !== null && { 'server.address': host.replace(/:\d+$/, '') }),
        },
      },
      parent,
    );
    this.#context = trace.setSpan(parent, this.#span);
  }

  onAttempt({ base: { protocol, hostname, port } }: Target, headers: Fields): void {
    this.#attempt?.end();
    this.#attempt = this.#tracer.startSpan(
      this.#method,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          'http.request.method': this.#method,
          'url.scheme': protocol.replace(':', ''),
          'server.address': hostname,
          'server.port': port,
        },
      },
      this.#context,
    );
    propagation.inject(trace.setSpan(context.active(), this.#attempt), headers, setter);
  }

  onResume(): void {
    this.#span.addEvent('sluiceway.resume');
  }

  onEnd(record: TransferRecord): void {
    const { status, error, errorMessage, outcome, resumes, upstreamHttpVersion } = record;
    const failed = error !== null && error !== 'client_aborted';
    for (const span of [this.#attempt, this.#span]) {
      if (span === null) continue;
      if (status !== null) span.setAttribute('http.response.status_code', status);
      if (error !== null) span.setAttribute('error.type', error);
      if (
        failed &&
        (span === this.#attempt || status === null || status >= 500 || outcome.startsWith('upstream_'))
      )
        span.setStatus({
          code: SpanStatusCode.ERROR,
          ...(errorMessage !== null && { message: errorMessage }),
        });
    }
    if (upstreamHttpVersion !== null)
      this.#attempt?.setAttribute('network.protocol.version', upstreamHttpVersion);
    this.#span.setAttributes({
      'url.path': record.path,
      'sluiceway.outcome': outcome,
      'sluiceway.resumes': resumes,
      'sluiceway.request_id': record.requestId,
      'http.response.body.size': record.bytesDown,
      ...(record.httpVersion !== null && { 'network.protocol.version': record.httpVersion }),
      ...(record.userAgent !== null && { 'user_agent.original': record.userAgent }),
      ...(record.clientAddress !== null && { 'client.address': record.forwardedFor ?? record.clientAddress }),
    });
    this.#attempt?.end();
    this.#span.end();
  }
}
