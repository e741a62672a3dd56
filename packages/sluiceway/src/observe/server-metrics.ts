import type { UpstreamGroup } from '../upstream/group/group.js';
import type { ServerState, UpstreamServer } from '../upstream/group/server.js';
import { type MetricSnapshot, Numbers, numbers } from './registry.js';

/** A group of servers, and its name in metrics. */
export interface GroupMetrics {
  /** The label `group`. */
  readonly name: string;
  readonly group: Pick<UpstreamGroup, 'servers' | 'queued' | 'breaker'>;
}

const STATES: readonly ServerState[] = ['up', 'down', 'ejected', 'trial', 'draining'];

type Count = 'transfers' | 'bytesInFlight' | 'requests' | 'failures' | 'ejections';

const COUNTS: readonly (readonly ['counter' | 'gauge', string, Count, string])[] = [
  ['gauge', 'sluiceway_server_transfers', 'transfers', 'Running transfers of a server of a group.'],
  [
    'gauge',
    'sluiceway_server_bytes_in_flight',
    'bytesInFlight',
    'Bytes that the running transfers of a server still have to move, as far as their lengths are known.',
  ],
  [
    'counter',
    'sluiceway_server_requests_total',
    'requests',
    'Requests that were sent to a server of a group.',
  ],
  [
    'counter',
    'sluiceway_server_failures_total',
    'failures',
    'Requests to a server of a group that failed, and content that broke off.',
  ],
  ['counter', 'sluiceway_server_ejections_total', 'ejections', 'Ejections of a server of a group.'],
];

/** Metrics of the servers of groups, for `renderMetrics`. Servers are named by their URLs without the query. */
export function serverMetrics(groups: readonly GroupMetrics[]): MetricSnapshot[] {
  const all = groups.map(({ name, group }) => ({ name, servers: group.servers }));
  const sumOf = (labelsOf: (server: UpstreamServer) => readonly (readonly [string[], number])[]): Numbers => {
    const sums = new Numbers();
    for (const { name, servers } of all)
      for (const server of servers)
        for (const [labels, value] of labelsOf(server)) sums.cell(name, server.url, ...labels).value += value;
    return sums;
  };
  const sumOfGroups = (valueOf: (group: GroupMetrics['group']) => number): Numbers => {
    const sums = new Numbers();
    for (const { name, group } of groups) sums.cell(name).value += valueOf(group);
    return sums;
  };
  const states = sumOf(({ state }) => STATES.map((each) => [[each], each === state ? 1 : 0]));
  return [
    numbers(
      'gauge',
      'sluiceway_server_state',
      'Processes for which a server of a group is in the state.',
      ['group', 'server', 'state'],
      states.all,
    ),
    ...COUNTS.map(([type, metric, count, help]) =>
      numbers(type, metric, help, ['group', 'server'], sumOf((server) => [[[], server[count]]]).all),
    ),
    numbers(
      'gauge',
      'sluiceway_group_queued_requests',
      'Requests that wait because all servers of a group have as many transfers as they may have.',
      ['group'],
      sumOfGroups(({ queued }) => queued).all,
    ),
    numbers(
      'gauge',
      'sluiceway_group_breakers_open',
      'Processes in which the circuit breaker of a group is not closed.',
      ['group'],
      sumOfGroups(({ breaker }) => (breaker === 'closed' ? 0 : 1)).all,
    ),
  ];
}
