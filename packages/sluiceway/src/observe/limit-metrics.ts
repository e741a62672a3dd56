import type { LimitControl } from '../limits/control.js';
import type { StoreStatus } from '../limits/store.js';
import { type MetricSnapshot, Numbers, numbers } from './registry.js';

/** The limits of a proxy or gateway, and its name in metrics. */
export interface LimitMetrics {
  /** The label `route`. Limits with the same are added. */
  readonly route: string;
  readonly limits: Pick<LimitControl, 'ruleUsage'>;
}

/** What rules do, for Prometheus. Labels are routes and rules, and never keys, so their number is bounded. */
export function limitMetrics(all: readonly LimitMetrics[]): MetricSnapshot[] {
  const [keys, active, transfers, waiting] = [new Numbers(), new Numbers(), new Numbers(), new Numbers()];
  const [waits, waited, refused, bytes] = [new Numbers(), new Numbers(), new Numbers(), new Numbers()];
  for (const { route, limits } of all) {
    for (const use of limits.ruleUsage()) {
      const { rule } = use;
      keys.cell(route, rule).value += use.keys;
      active.cell(route, rule).value += use.activeKeys;
      transfers.cell(route, rule).value += use.transfers;
      waiting.cell(route, rule).value += use.waiting;
      waits.cell(route, rule).value += use.waits;
      waited.cell(route, rule).value += use.waitedMs / 1000;
      for (const [reason, count] of Object.entries(use.refused))
        refused.cell(route, rule, reason).value += count;
      bytes.cell(route, rule, 'down').value += use.bytesDown;
      bytes.cell(route, rule, 'up').value += use.bytesUp;
    }
  }
  const labels = ['route', 'rule'];
  const gauge = (name: string, help: string, values: Numbers): MetricSnapshot =>
    numbers('gauge', `sluiceway_limit_${name}`, help, labels, values.all);
  const counter = (name: string, help: string, values: Numbers, more: readonly string[] = []) =>
    numbers('counter', `sluiceway_limit_${name}`, help, [...labels, ...more], values.all);
  return [
    gauge('keys', 'Keys that a rule remembers.', keys),
    gauge('active_keys', 'Keys with a running transfer or a waiting request.', active),
    gauge('transfers_running', 'Running transfers to which a rule applies.', transfers),
    gauge('queued_requests', 'Requests that wait in a queue of a rule.', waiting),
    counter('queue_waits_total', 'Requests that have waited in a queue, admitted or not.', waits),
    counter('queue_wait_seconds_total', 'How long they have waited, together.', waited),
    counter(
      'refusals_total',
      'Requests that a rule refused, and transfers that it ended, by what they had reached.',
      refused,
      ['reason'],
    ),
    counter(
      'bytes_total',
      'Content bytes that a rule let pass to clients (down) and from them (up).',
      bytes,
      ['direction'],
    ),
  ];
}

/** The state of a store, for Prometheus. */
export function storeMetrics({ isUp, commands, failures, latency }: StoreStatus): MetricSnapshot[] {
  const one = (type: 'counter' | 'gauge', name: string, help: string, value: number): MetricSnapshot =>
    numbers(type, `sluiceway_limit_store_${name}`, help, [], [{ labels: [], value }]);
  return [
    one('gauge', 'up', '1 while the store can be asked, and 0 while it cannot.', isUp ? 1 : 0),
    one('counter', 'commands_total', 'Commands that were sent to the store.', commands),
    one('counter', 'failures_total', 'Those that failed, or had no answer in time.', failures),
    {
      name: 'sluiceway_limit_store_duration_seconds',
      help: 'Time from a command to its answer.',
      type: 'histogram',
      labelNames: [],
      bounds: latency.bounds,
      series: [],
      histograms: [{ labels: [], counts: [...latency.counts], sum: latency.sum }],
    },
  ];
}
