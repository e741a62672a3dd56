import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluicewayServe } from './support/program.js';

const read = (name: string): string => readFileSync(new URL(`../grafana/${name}`, import.meta.url), 'utf8');

/** A server with an admin listener, and a function that scrapes its metrics. */
async function serve(net: Network, config: object) {
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    ...config,
  });
  const [, port] = await program.match('stdout', /admin listener on http:\/\/127\.0\.0\.1:(\d+)/);
  const scrape = async (): Promise<string> => {
    const client = await net.client(Number(port));
    await client.send('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const { head, content } = await client.readResponse();
    client.close();
    expect(head.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    return content.toString();
  };
  return { program, port: program.port, scrape };
}

async function ask(net: Network, port: number, path: string): Promise<number> {
  const client = await net.client(port);
  await client.get(path);
  const { head } = await client.readResponse();
  client.close();
  return head.status;
}

/** The value of a sample. */
const valueOf = (text: string, sample: string): number | null => {
  const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
  return line === undefined ? null : Number(line.slice(sample.length + 1));
};

test('/metrics counts transfers, bytes and origin servers by route [Prometheus]', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('content')));
  const { port, scrape } = await serve(net, {
    routes: [
      { name: 'files', path: '/files', proxy: { upstream: origin.url } },
      { name: 'group', path: '/group', proxy: { upstream: { servers: [{ url: origin.url }] } } },
      { name: 'secret', path: '/secret', access: { addresses: { allow: ['192.0.2.1'] } }, respond: {} },
    ],
  });
  expect(await ask(net, port, '/files/a')).toBe(200);
  expect(await ask(net, port, '/files/b')).toBe(200);
  expect(await ask(net, port, '/group')).toBe(200);
  expect(await ask(net, port, '/secret')).toBe(403);
  expect(await ask(net, port, '/none')).toBe(404);
  let text = '';
  await until(async () => {
    text = await scrape();
    return /^sluiceway_transfers_total\{route="none",outcome="\w+",status="4xx"\} 1$/m.test(text);
  }, 'the last transfer was counted');
  expect(valueOf(text, 'sluiceway_transfers_total{route="files",outcome="completed",status="2xx"}')).toBe(2);
  expect(valueOf(text, 'sluiceway_transfer_bytes_total{route="files",direction="down"}')).toBe(14);
  expect(valueOf(text, 'sluiceway_transfer_duration_seconds_count{route="files"}')).toBe(2);
  expect(valueOf(text, `sluiceway_upstream_requests_total{route="files",upstream="${origin.url}"}`)).toBe(2);
  expect(
    valueOf(text, `sluiceway_upstream_connections_total{route="files",upstream="${origin.url}"}`),
  ).toBeGreaterThan(0);
  for (const metric of ['requests', 'connections'])
    expect(valueOf(text, `sluiceway_upstream_${metric}_total{route="group",upstream="${origin.url}"}`)).toBe(
      1,
    );
  expect(valueOf(text, 'sluiceway_access_refusals_total{route="secret",status="403"}')).toBe(1);
  expect(valueOf(text, 'sluiceway_transfers_running{route="files"}')).toBe(0);
  expect(text).toMatch(/^sluiceway_build_info\{version="[\d.]+",node="v[\d.]+"\} 1$/m);
});

test('the text of /metrics is well-formed, and each metric has one HELP and one TYPE [Prometheus]', async ({
  net,
}) => {
  const { scrape } = await serve(net, { routes: [{ respond: {} }] });
  const text = await scrape();
  expect(text.endsWith('\n')).toBe(true);
  const kinds = Array.from(
    text.matchAll(/^# TYPE (\w+) (counter|gauge|histogram)$/gm),
    ([, name]) => name as string,
  );
  expect(kinds.length).toBeGreaterThan(15);
  expect(new Set(kinds).size).toBe(kinds.length);
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('#')) expect(line).toMatch(/^# (?:HELP|TYPE) [a-z_0-9]+ \S/);
    else {
      expect(line).toMatch(/^[a-z_0-9]+(?:\{(?:[a-z]+="[^"\n]*",?)+\})? (?:\d|\+Inf)/);
      const name = /^[a-z_0-9]+/.exec(line)?.[0] ?? '';
      expect(kinds).toContain(kinds.includes(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''));
    }
  }
});

test('reloads and requests that cannot be read are counted [Prometheus]', async ({ net }) => {
  const { port, scrape, program } = await serve(net, { routes: [{ respond: {} }] });
  const client = await net.client(port);
  await client.send('not HTTP\r\n\r\n');
  await client.readResponse();
  expect(await program.reload()).toContain('reloaded');
  expect(await program.reload({ listeners: [] })).toContain('not reloaded');
  const text = await scrape();
  expect(valueOf(text, 'sluiceway_connection_failures_total{kind="http1"}')).toBe(1);
  expect(valueOf(text, 'sluiceway_reloads_total{result="success"}')).toBe(1);
  expect(valueOf(text, 'sluiceway_reloads_total{result="failure"}')).toBe(1);
  expect(valueOf(text, 'sluiceway_last_reload_timestamp_seconds{result="success"}')).toBeGreaterThan(1.7e9);
});

test('the documentation lists each metric with its labels, and no other', async () => {
  const { ServerMetrics } = await import('../src/metrics/server-metrics.js');
  const page = readFileSync(new URL('../../../docs/server.md', import.meta.url), 'utf8');
  const [, table = ''] = /<!-- metrics -->\n((?:\|.*\n)+)/.exec(page) ?? [];
  const rows = table.trimEnd().split('\n').slice(2);
  const listed = rows.map((row) =>
    row
      .split('|')
      .slice(1, 3)
      .map((cell) => cell.replace(/[` ]/g, '')),
  );
  const store = { isUp: true, commands: 0, failures: 0, latency: { bounds: [], counts: [0], sum: 0 } };
  const metrics = new ServerMetrics('0').snapshot({
    connections: 0,
    droppedLines: 0,
    groups: [],
    limits: [],
    store,
  });
  const actual = metrics.map(({ name, labelNames }) => [name, labelNames.join(',')]);
  expect(new Map(listed as [string, string][])).toEqual(new Map(actual as [string, string][]));
});

test('each query of the dashboard and of the alerts is about metrics and labels that exist [Grafana; Prometheus]', async ({
  net,
}) => {
  const { scrape } = await serve(net, { routes: [{ respond: {} }] });
  const text = await scrape();
  const { TransferMetrics } = await import('sluiceway/metrics');
  const { ServerMetrics } = await import('../src/metrics/server-metrics.js');
  const known = new Map(
    [
      ...new TransferMetrics().snapshot(),
      ...new ServerMetrics('0').snapshot({
        connections: 0,
        droppedLines: 0,
        groups: [],
        limits: [],
        store: null,
      }),
    ].map(({ name, type, labelNames }) => [name, { type, labelNames }]),
  );
  // What has no value yet is not in the scrape, and the rest is.
  for (const name of ['sluiceway_transfers_running', 'process_resident_memory_bytes'])
    expect(text).toContain(name);
  const dashboard = JSON.parse(read('dashboard.json')) as {
    panels: { title: string; targets: { expr: string }[] }[];
    templating: { list: { definition?: string }[] };
  };
  const { groups } = parse(read('alerts.yaml')) as { groups: { rules: { expr: string }[] }[] };
  const queries = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.flatMap(({ definition = [] }) => definition),
    ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
  ];
  expect(queries.length).toBeGreaterThan(25);
  for (const query of queries) {
    const names = query.match(/\b(?:sluiceway|process|nodejs)_[a-z0-9_]+/g) ?? [];
    expect(names.length, query).toBeGreaterThan(0);
    const allowed = new Set(['le']);
    for (const name of names) {
      const metric = known.get(name) ?? known.get(name.replace(/_bucket$/, ''));
      expect(metric, name).toBeDefined();
      if (name.endsWith('_bucket')) expect(metric?.type).toBe('histogram');
      for (const label of metric?.labelNames ?? []) allowed.add(label);
    }
    const labels = [
      ...Array.from(query.matchAll(/by \(([^)]*)\)/g), ([, list = '']) => list.split(', ')).flat(),
      ...Array.from(query.matchAll(/\{(\w+)=~?"/g), ([, label = '']) => label),
    ];
    for (const label of labels) expect([...allowed], query).toContain(label);
  }
});
