import { expect, test } from 'vitest';
import type { LiveTransfer, TransferRecord } from '../../src/index.js';
import { labelMetrics, renderMetrics, sumMetrics, TransferMetrics } from '../../src/metrics.js';

const live = (id: string, bytesDown: number): LiveTransfer => ({ id, bytesDown, bytesUp: 0 }) as LiveTransfer;

const record = (id: string, values: Partial<TransferRecord> = {}): TransferRecord =>
  ({
    id,
    status: 200,
    outcome: 'completed',
    bytesDown: 100,
    bytesUp: 5,
    durationMs: 20,
    firstByteMs: 4,
    responseHeadMs: 3,
    connectMs: 2,
    attempts: 1,
    resumes: 0,
    bytesResumed: 0,
    upstream: 'http://a.example',
    error: null,
    ...values,
  }) as TransferRecord;

test('bytes of a running transfer count before it ends, and once [Prometheus]', () => {
  const metrics = new TransferMetrics();
  const observer = metrics.observer({ route: 'files' });
  observer.onTransferStart?.(live('1', 60));
  const down = 'sluiceway_transfer_bytes_total{route="files",direction="down"}';
  expect(renderMetrics(metrics.snapshot())).toContain(`${down} 60\n`);
  expect(renderMetrics(metrics.snapshot())).toContain('sluiceway_transfers_running{route="files"} 1\n');
  observer.onTransferEnd?.(record('1'));
  expect(renderMetrics(metrics.snapshot())).toContain(`${down} 100\n`);
  expect(renderMetrics(metrics.snapshot())).toContain('sluiceway_transfers_running{route="files"} 0\n');
});

test('only configured origin servers are labels, so that URLs of users make no series [Prometheus]', () => {
  const metrics = new TransferMetrics();
  const observer = metrics.observer({ route: 'r', upstreams: ['http://a.example'] });
  for (let i = 0; i < 50; i++)
    observer.onTransferEnd?.(record(String(i), { upstream: `http://${i}.example` }));
  observer.onTransferEnd?.(record('x'));
  const lines = renderMetrics(metrics.snapshot())
    .split('\n')
    .filter((line) => line.startsWith('sluiceway_upstream_requests_total'));
  expect(lines).toEqual([
    'sluiceway_upstream_requests_total{route="r",upstream="other"} 50',
    'sluiceway_upstream_requests_total{route="r",upstream="http://a.example"} 1',
  ]);
});

test('buckets of a histogram are cumulative, and the last one is the count [Prometheus]', () => {
  const metrics = new TransferMetrics();
  const observer = metrics.observer({ route: 'r' });
  for (const firstByteMs of [0, 1, 2, 30_000, 60_000])
    observer.onTransferEnd?.(record(String(firstByteMs), { firstByteMs }));
  const text = renderMetrics(metrics.snapshot());
  const bucket = (le: string): string => `sluiceway_time_to_first_byte_seconds_bucket{route="r",le="${le}"}`;
  for (const [le, count] of [
    ['0.001', 2],
    ['0.0025', 3],
    ['30', 4],
    ['+Inf', 5],
  ] as const)
    expect(text).toContain(`${bucket(le)} ${count}\n`);
  expect(text).toContain('sluiceway_time_to_first_byte_seconds_count{route="r"} 5\n');
  expect(text).toContain('sluiceway_time_to_first_byte_seconds_sum{route="r"} 90.003\n');
});

test('healed downloads, limits and refusals are counted [Sluiceway]', () => {
  const metrics = new TransferMetrics();
  const observer = metrics.observer({ route: 'r' });
  observer.onTransferEnd?.(record('1', { resumes: 2, bytesResumed: 70 }));
  observer.onTransferEnd?.(
    record('2', { outcome: 'limited', status: 429, error: 'connection_limit_reached' }),
  );
  observer.onTransferEnd?.(record('3', { outcome: 'blocked', status: 403, error: 'http_request_denied' }));
  const text = renderMetrics(metrics.snapshot());
  for (const line of [
    'sluiceway_resumes_total{route="r"} 2',
    'sluiceway_resumed_bytes_total{route="r"} 70',
    'sluiceway_limits_hit_total{route="r",status="429"} 1',
    'sluiceway_access_refusals_total{route="r",status="403"} 1',
    'sluiceway_errors_total{route="r",code="http_request_denied"} 1',
  ])
    expect(text).toContain(`${line}\n`);
});

test('metrics of several processes can be added, or told apart by a label [Prometheus]', () => {
  const [first, second] = [1, 2].map((count) => {
    const metrics = new TransferMetrics();
    const observer = metrics.observer({ route: 'a"\\\n' });
    for (let i = 0; i < count; i++) observer.onTransferEnd?.(record(String(i)));
    return metrics.snapshot();
  }) as [ReturnType<TransferMetrics['snapshot']>, ReturnType<TransferMetrics['snapshot']>];
  const sum = renderMetrics(sumMetrics([first, second]));
  expect(sum).toContain(
    String.raw`sluiceway_transfers_total{route="a\"\\\n",outcome="completed",status="2xx"} 3`,
  );
  expect(sum).toContain(String.raw`sluiceway_transfer_duration_seconds_count{route="a\"\\\n"} 3`);
  const apart = renderMetrics(labelMetrics(first, 'worker', '1'));
  expect(apart).toContain(
    String.raw`sluiceway_transfers_total{route="a\"\\\n",outcome="completed",status="2xx",worker="1"} 1`,
  );
});
