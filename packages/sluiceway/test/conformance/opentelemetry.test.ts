import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { openTelemetry } from '../../src/opentelemetry.js';
import { test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const exporter = new InMemorySpanExporter();

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
});
beforeEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  propagation.disable();
  context.disable();
});

const TRACE = '0af7651916cd43dd8448eb211c80319c';

function origin(seen: (string | undefined)[][], response: Buffer = sized('content')): OriginScript {
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      seen.push([head.get('traceparent'), head.get('tracestate')]);
      await connection.write(response);
    }
  };
}

test('a transfer and its request are spans that continue the trace of the client [W3C Trace Context]', async ({
  net,
}) => {
  const seen: (string | undefined)[][] = [];
  const { client, running } = await through(net, origin(seen), { tracing: openTelemetry() });
  await client.get('/a?secret=1', [`traceparent: 00-${TRACE}-b7ad6b7169203331-01`, 'tracestate: a=1']);
  await client.readResponse();
  await running.record();
  const [attempt, transfer] = exporter.getFinishedSpans();
  expect(transfer).toMatchObject({ kind: SpanKind.SERVER, name: 'GET' });
  expect(transfer?.spanContext().traceId).toBe(TRACE);
  expect(transfer?.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'url.path': '/a?…',
    'sluiceway.outcome': 'completed',
  });
  expect(attempt).toMatchObject({ kind: SpanKind.CLIENT });
  expect(attempt?.attributes).toMatchObject({
    'server.address': '127.0.0.1',
    'http.response.status_code': 200,
  });
  expect(seen).toEqual([[`00-${TRACE}-${attempt?.spanContext().spanId}-01`, 'a=1']]);
  expect(JSON.stringify(exporter.getFinishedSpans().map(({ attributes }) => attributes))).not.toContain(
    'secret',
  );
});

test('a transfer without a trace begins one, and an origin server that fails is an error [OpenTelemetry]', async ({
  net,
}) => {
  const running = await net.proxy({ upstream: 'http://127.0.0.1:1', tracing: openTelemetry() });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(502);
  await running.record();
  const [attempt, transfer] = exporter.getFinishedSpans();
  for (const span of [attempt, transfer]) {
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes['error.type']).toBe('connection_refused');
  }
  expect(transfer?.spanContext().traceId).toMatch(/^[\da-f]{32}$/);
});

test('without tracing the fields of a trace pass unchanged [Go ReverseProxy]', async ({ net }) => {
  const seen: (string | undefined)[][] = [];
  const { client } = await through(net, origin(seen));
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  await client.get('/', [`traceparent: ${traceparent}`]);
  await client.readResponse();
  expect(seen).toEqual([[traceparent, undefined]]);
  expect(exporter.getFinishedSpans()).toEqual([]);
});

test('tracing without the method start is refused [Sluiceway]', () => {
  expect(() => createProxy({ upstream: 'http://127.0.0.1:1', tracing: {} as never })).toThrow(
    'tracing must have',
  );
});
