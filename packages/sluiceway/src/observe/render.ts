import type { MetricSnapshot } from './registry.js';

/** The media type of the text format of Prometheus. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Formats metrics in the text format of Prometheus 0.0.4. Metrics without a value are left out. */
export function renderMetrics(metrics: readonly MetricSnapshot[]): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const samples = metric.type === 'histogram' ? histogramLines(metric) : numberLines(metric);
    if (samples.length === 0) continue;
    lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`, ...samples);
  }
  return `${lines.join('\n')}\n`;
}

/** Adds the metrics of several processes, series by series. */
export function sumMetrics(snapshots: readonly (readonly MetricSnapshot[])[]): MetricSnapshot[] {
  const sums = new Map<string, MetricSnapshot>();
  for (const metric of snapshots.flat()) {
    const before = sums.get(metric.name);
    sums.set(metric.name, before === undefined ? metric : add(before, metric));
  }
  return [...sums.values()];
}

/** Gives all series of a process another label. */
export function labelMetrics(
  metrics: readonly MetricSnapshot[],
  name: string,
  value: string,
): MetricSnapshot[] {
  return metrics.map((metric) => ({
    ...metric,
    labelNames: [...metric.labelNames, name],
    series: metric.series.map((each) => ({ ...each, labels: [...each.labels, value] })),
    histograms: metric.histograms.map((each) => ({ ...each, labels: [...each.labels, value] })),
  }));
}

function add(left: MetricSnapshot, right: MetricSnapshot): MetricSnapshot {
  const series = merge(left.series, right.series, (a, b) => ({ ...a, value: a.value + b.value }));
  const histograms = merge(left.histograms, right.histograms, (a, b) => ({
    ...a,
    sum: a.sum + b.sum,
    counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)),
  }));
  return { ...left, series, histograms };
}

function merge<S extends { labels: readonly string[] }>(
  left: readonly S[],
  right: readonly S[],
  both: (a: S, b: S) => S,
): S[] {
  const merged = new Map(left.map((each) => [each.labels.join('\0'), each]));
  for (const each of right) {
    const key = each.labels.join('\0');
    const before = merged.get(key);
    merged.set(key, before === undefined ? each : both(before, each));
  }
  return [...merged.values()];
}

const numberLines = ({ name, labelNames, series }: MetricSnapshot): string[] =>
  series.map(({ labels, value }) => `${name}${braces(labelNames, labels)} ${format(value)}`);

function histogramLines({ name, labelNames, bounds, histograms }: MetricSnapshot): string[] {
  return histograms.flatMap(({ labels, counts, sum }) => {
    let below = 0;
    const buckets = [...bounds.map(String), '+Inf'].map((bound, i) => {
      below += counts[i] ?? 0;
      return `${name}_bucket${braces([...labelNames, 'le'], [...labels, bound])} ${below}`;
    });
    const at = braces(labelNames, labels);
    return [...buckets, `${name}_sum${at} ${format(sum)}`, `${name}_count${at} ${below}`];
  });
}

function braces(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  return `{${names.map((name, i) => `${name}="${escape(values[i] ?? '')}"`).join(',')}}`;
}

/** Escapes what the format gives a meaning: backslash, quote and line feed. */
const escape = (value: string): string =>
  value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

const format = (value: number): string =>
  Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : 'NaN';
