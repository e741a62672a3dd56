import { boolean, count, list, nullable, object, oneOf, ref, type Schema, string, time } from './describe.js';

const described = (schema: Schema, description: string): Schema => ({ ...schema, description });

const waitingFor: Schema = { enum: ['client', 'upstream', 'limit', 'access', null] };

const transfer: Readonly<Record<string, Schema>> = {
  id: described(string, 'Unique among the processes and restarts of a machine.'),
  requestId: string,
  route: described(string, 'The name of the route.'),
  name: described(string, 'The last segment of the path.'),
  client: described(nullable(string), 'The address of the client.'),
  identity: described(nullable(string), 'Who sent the request, as the access rules have found.'),
  method: string,
  host: nullable(string),
  path: described(string, 'The path. A query appears as `?…`, since it may hold secrets.'),
  httpVersion: nullable(string),
  status: described({ type: ['integer', 'null'] }, 'The status that the client got.'),
  upstream: nullable(string),
  upstreamAddress: nullable(string),
  startedAt: time,
  durationMs: count,
  bytesDown: described(count, 'Content bytes to the client.'),
  bytesUp: described(count, 'Content bytes to the origin server.'),
  responseLength: nullable(count),
  requestLength: nullable(count),
  rateDown: described(count, 'Bytes per second, in the last seconds.'),
  rateUp: count,
  etaMs: nullable(count),
  waitingFor: described(waitingFor, 'The side or the rule that holds the transfer up.'),
  waitingMs: described(count, 'For how long it has, without progress.'),
  attempts: count,
  resumes: described(count, 'How often broken content was continued.'),
  resumedAt: described(list(count), 'The offsets at which it was, at most 16.'),
  zeroCopy: boolean,
  limit: described(nullable(count), 'Most bytes per second, as an operator has set it.'),
  link: described(nullable(string), 'The id of the signed link of a gateway.'),
  worker: described(nullable(count), 'The number of the worker.'),
};

const counts: Schema = { type: 'object', additionalProperties: count };

const change = object(
  transfer,
  Object.keys(transfer).filter((name) => name !== 'id'),
);

const end = object({
  id: string,
  outcome: string,
  status: { type: ['integer', 'null'] },
  error: nullable(string),
  errorMessage: nullable(string),
  bytesDown: count,
  bytesUp: count,
  durationMs: count,
  resumes: count,
});

/** The schemas to which others refer. */
export const schemas: Readonly<Record<string, Schema>> = {
  Transfer: object(transfer),
  TransferChange: described(change, 'The members that have changed.'),
  TransferEnd: end,
  Snapshot: object({ time, transfers: list(ref('Transfer')) }),
  Delta: object({
    time,
    started: list(ref('Transfer')),
    changed: list(ref('TransferChange')),
    ended: list(ref('TransferEnd')),
  }),
  Totals: object({
    time,
    rateDown: count,
    rateUp: count,
    running: count,
    requests: described(count, 'Since the start of the server.'),
    outcomes: described(counts, 'How many transfers have ended since the start of the server, by outcome.'),
  }),
  HistoryPoint: object({
    time,
    rateDown: count,
    rateUp: count,
    running: count,
    completed: described(count, 'Transfers that ended in this second as they should.'),
    failed: described(count, 'Transfers that failed in this second.'),
  }),
  Failure: object({
    code: string,
    source: oneOf(['downstream', 'upstream', 'policy', 'internal']),
    count,
    lastAt: time,
    message: described(string, 'What it means, and what to look at.'),
    docs: string,
    examples: list(
      object({
        id: string,
        time,
        route: string,
        client: nullable(string),
        method: string,
        path: string,
        upstream: nullable(string),
        errorMessage: nullable(string),
      }),
    ),
  }),
  Server: object({
    name: described(string, 'Unique in the group.'),
    url: string,
    state: oneOf(['up', 'down', 'ejected', 'draining']),
    since: described(time, 'When the state changed.'),
    transfers: count,
    rate: described(count, 'Bytes per second of its running transfers, both ways.'),
    bytes: described(count, 'Bytes of all its transfers so far, both ways.'),
    weight: { type: 'number' },
    backup: boolean,
    lastFailure: nullable(string),
  }),
  LimitUse: object({
    route: described(string, 'The name of the route.'),
    rule: described(string, 'The name of the rule.'),
    key: described(string, 'The client, identity, link or what else the rule counts by.'),
    transfers: count,
    waiting: described(count, 'Requests in the queue.'),
    rateDown: { type: 'number', minimum: 0 },
    rateUp: { type: 'number', minimum: 0 },
    requests: described(nullable(count), 'Requests in the present time of the rule.'),
    bytes: described(nullable(count), 'Bytes in the present period of the rule.'),
    blockedUntil: described(nullable(string), 'ISO 8601, or `forever`.'),
  }),
  LimitRule: object({
    route: described(string, 'The name of the route.'),
    name: string,
    by: described(string, 'What it counts by: `client`, `identity`, `header x-tenant` and so on.'),
    download: described(nullable(count), 'Most bytes per second of a key; null without such a limit.'),
    upload: nullable(count),
    transfers: described(nullable(count), 'Most transfers of a key at a time.'),
    requests: nullable(object({ count, perMs: described(count, 'It slides.') })),
    bytes: nullable(object({ count, per: { anyOf: [oneOf(['day', 'month']), count] } })),
    queue: nullable(object({ length: count, timeoutMs: count })),
    active: described(boolean, 'Whether its times of day include the present.'),
    keys: described(count, 'How many keys it remembers; with workers, the sum of all.'),
  }),
  LimitBlock: object({
    route: described(string, 'The name of the route.'),
    rule: described(string, 'The name of the rule.'),
    key: string,
    until: described(string, 'ISO 8601, or `forever`.'),
  }),
  ReloadProblem: object({
    path: string,
    message: string,
    file: nullable(string),
    line: nullable(count),
    column: nullable(count),
  }),
  Problem: {
    type: 'object',
    description: 'RFC 9457',
    properties: { title: string, status: count, detail: string },
    required: ['title', 'status', 'detail'],
  },
};
