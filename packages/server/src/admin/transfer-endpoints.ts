import { type Answer, SluicewayError } from 'sluiceway';
import { badQuery, selectTransfers, sortKeys, states } from '../live/transfer-query.js';
import { badRequest, notFound, readObject, refuseOthers } from './content.js';
import type { Control } from './control.js';
import { count, list, nullable, object, oneOf, ref, string, time } from './describe.js';
import { type AdminRequest, type Endpoint, json, text } from './endpoint.js';

const MAX_REASON = 200;

const transferFilters = {
  q: {
    description: 'Part of an id, client, identity, route, method, host, path or upstream, in any case',
    schema: string,
  },
  client: { description: 'The address of the client', schema: string },
  identity: { description: 'The identity', schema: string },
  route: { description: 'The name of the route', schema: string },
  method: { description: 'The method', schema: string },
  upstream: { description: 'Scheme, host and port of the origin server', schema: string },
  state: { description: 'Whom the transfer waits for', schema: oneOf(states) },
  sort: {
    description: 'A member, with a minus for the other direction. Default: startedAt',
    schema: oneOf(sortKeys.flatMap((key) => [key, `-${key}`])),
  },
  limit: { description: 'Most transfers to list. Default: all', schema: count },
};

/** The live view: what runs, what it did, and ways to end it. */
export const transferEndpoints = ({ live }: Control): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/api/transfers',
    description: {
      summary: 'The running transfers',
      query: transferFilters,
      answers: {
        200: {
          description: 'Those that match. `total` counts them without the limit.',
          schema: object({ time, total: count, transfers: list(ref('Transfer')) }),
        },
      },
    },
    answer: async ({ query }) => {
      // Mistakes in the query are reported even if nothing runs.
      selectTransfers([], query);
      const views = await live.transfers();
      return json(200, { time: new Date().toISOString(), ...selectTransfers(views, query) });
    },
  },
  {
    method: 'GET',
    path: '/api/transfers/{id}',
    description: {
      summary: 'One running transfer',
      answers: { 200: { description: 'The transfer.', schema: ref('Transfer') } },
      errors: { 404: 'No such transfer runs.' },
    },
    answer: async ({ parameters: { id = '' } }) => {
      const view = await live.transfer(id);
      if (view === null) throw noTransfer();
      return json(200, view);
    },
  },
  {
    method: 'POST',
    path: '/api/transfers/{id}/abort',
    description: {
      summary: 'End a running transfer. Its client sees that it breaks off',
      content: object({ reason: { type: 'string', maxLength: MAX_REASON } }, ['reason']),
      answers: { 200: { description: 'It has ended.', schema: object({ aborted: { const: true } }) } },
      errors: { 404: 'No such transfer runs.' },
    },
    answer: async ({ parameters: { id = '' }, request }) => {
      const content = await readObject(request);
      refuseOthers(content, ['reason']);
      const { reason = '' } = content;
      if (typeof reason !== 'string' || reason.length > MAX_REASON)
        throw badRequest(`reason must be a text of at most ${MAX_REASON} characters.`);
      if (!(await live.abort(id, reason))) throw noTransfer();
      return json(200, { aborted: true });
    },
  },
  {
    method: 'POST',
    path: '/api/transfers/{id}/limit',
    description: {
      summary: 'Limit the rate of a running transfer, both directions together',
      content: object({ rate: nullable({ type: 'integer', minimum: 1 }) }),
      answers: {
        200: { description: 'The limit. Null: there is none.', schema: object({ limit: nullable(count) }) },
      },
      errors: { 404: 'No such transfer runs.' },
    },
    answer: async ({ parameters: { id = '' }, request }) => {
      const content = await readObject(request);
      refuseOthers(content, ['rate']);
      const { rate } = content;
      if (rate !== null && !(typeof rate === 'number' && Number.isSafeInteger(rate) && rate >= 1))
        throw badRequest('rate must be a whole number of bytes per second from 1 on, or null.');
      if (!(await live.limit(id, rate))) throw noTransfer();
      return json(200, { limit: rate });
    },
  },
  {
    method: 'GET',
    path: '/api/events',
    description: {
      summary: 'Events: a snapshot, then changes of transfers and the sums of each second',
      answers: {
        200: {
          description:
            'Server-sent events `snapshot` (Snapshot), `delta` (Delta) at most every 250 ms, and `totals` (Totals) each second. A reader that is too slow gets a snapshot again.',
          type: 'text/event-stream',
          schema: string,
        },
      },
      errors: { 503: 'There are too many readers.' },
    },
    answer: () => answerEvents(live),
  },
  {
    method: 'GET',
    path: '/api/totals',
    description: {
      summary: 'Throughput and outcomes of the last ten minutes, by second',
      query: { since: { description: 'Only the seconds after this time', schema: time } },
      answers: {
        200: {
          description: 'The seconds, oldest first.',
          schema: object({
            step: { const: 1000 },
            from: { type: ['string', 'null'] },
            points: list(ref('HistoryPoint')),
          }),
        },
      },
    },
    answer: (request) => answerTotals(live, request),
  },
  {
    method: 'GET',
    path: '/api/failures',
    description: {
      summary: 'Failed transfers since the start, by reason',
      answers: {
        200: { description: 'The last ones first.', schema: object({ failures: list(ref('Failure')) }) },
      },
    },
    answer: async () => json(200, { failures: await live.failures() }),
  },
];

function answerEvents(live: Control['live']): Answer {
  const events = live.open();
  if (events === null)
    throw new SluicewayError('connection_limit_reached', 'Too many readers of events', {
      publicMessage: 'There are too many readers of events.',
    });
  const answer = text(200, 'text/event-stream', events);
  // Proxies in between must not collect events.
  return { ...answer, headers: { ...answer.headers, 'X-Accel-Buffering': 'no' } };
}

function answerTotals(live: Control['live'], { query }: AdminRequest): Answer {
  const since = query.get('since');
  const ms = since === null ? 0 : Date.parse(since);
  if (Number.isNaN(ms)) throw badQuery('since must be a time in ISO 8601, such as 2026-01-02T03:04:05Z');
  const points = live.history(ms);
  return json(200, { step: 1000, from: points[0]?.time ?? null, points });
}

const noTransfer = (): SluicewayError => notFound('No such transfer runs.');
