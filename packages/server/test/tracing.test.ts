import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { root } from '../../../scripts/support.mjs';
import { test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { sluicewayServe } from './support/process.js';

/** What an operator loads: an SDK that writes each span to standard error. */
const sdk = `
import { propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const exporter = {
  export(spans, done) {
    for (const span of spans) process.stderr.write('span ' + span.kind + ' ' + span.spanContext().traceId + '\\n');
    done({ code: 0 });
  },
  shutdown: async () => {},
};
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
`;

const TRACE = '0af7651916cd43dd8448eb211c80319c';

test('with tracing, a transfer and its request are spans of the SDK that the operator loads [OpenTelemetry]', async ({
  net,
}) => {
  // Inside the repository, so that it finds the packages.
  const folder = mkdtempSync(join(root, 'node_modules/.tracing-'));
  net.cleanup(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sdk.mjs');
  writeFileSync(file, sdk);
  const seen: (string | undefined)[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      seen.push(head.get('traceparent'));
      return sized('content');
    }),
  );
  const config = {
    listeners: [{ address: '127.0.0.1:0' }],
    defaults: { tracing: true },
    routes: [
      { proxy: { upstream: origin.url } },
      { path: '/plain', proxy: { upstream: origin.url, tracing: false } },
    ],
  };
  const env = { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` };
  const program = await sluicewayServe(net, config, { env });
  const client = await net.client(program.port);
  for (const path of ['/', '/plain']) {
    await client.get(path, [`traceparent: 00-${TRACE}-b7ad6b7169203331-01`]);
    expect((await client.readResponse()).head.status).toBe(200);
  }
  // Kind 2 is that of the request to the origin server, kind 1 that of the transfer.
  await program.match('stderr', new RegExp(`span 2 ${TRACE}\\n[^]*span 1 ${TRACE}\\n`));
  expect(program.stderr.match(/^span /gm)).toHaveLength(2);
  expect(seen[0]).toMatch(new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)[\\da-f]{16}-01$`));
  expect(seen[1]).toBe(`00-${TRACE}-b7ad6b7169203331-01`);
});
