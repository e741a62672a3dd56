import { type Answer, parseDurationMs, SluicewayError } from 'sluiceway';
import { badQuery } from '../live/transfer-query.js';
import { badRequest, notFound, readObject, refuseOthers } from './content.js';
import type { Control } from './control.js';
import { boolean, count, list, object, ref, string } from './describe.js';
import { type AdminRequest, type Endpoint, json } from './endpoint.js';

const NO_RULE = 'No route has such a rule.';
const NO_SERVER = 'No group has such a server.';

/** Servers of groups, limits and links: what decides about transfers. */
export const policyEndpoints = ({ live }: Control): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/api/servers',
    description: {
      summary: 'The servers of groups, with their health and throughput',
      answers: {
        200: {
          description: 'The groups. A single URL is no group.',
          schema: object({ groups: list(object({ name: string, servers: list(ref('Server')) })) }),
        },
      },
    },
    answer: async () => json(200, { groups: await live.groups() }),
  },
  {
    method: 'POST',
    path: '/api/servers/{group}/{server}/drain',
    description: {
      summary: 'Take a server out of its group. Its transfers end undisturbed',
      content: object({ move: { ...boolean, description: 'Continue its downloads at other servers' } }, [
        'move',
      ]),
      answers: {
        200: { description: 'It gets no more requests.', schema: object({ drained: { const: true } }) },
      },
      errors: { 404: NO_SERVER, 409: 'The group has no other server.' },
    },
    answer: async ({ parameters, request }) => {
      const content = await readObject(request);
      refuseOthers(content, ['move']);
      const { move = false } = content;
      if (typeof move !== 'boolean') throw badRequest('move must be true or false.');
      await orderDrain(live, parameters, true, move);
      return json(200, { drained: true });
    },
  },
  {
    method: 'POST',
    path: '/api/servers/{group}/{server}/undrain',
    description: {
      summary: 'Put a server back into its group',
      content: object({}),
      answers: {
        200: {
          description: 'It gets requests, as its health allows.',
          schema: object({ drained: { const: false } }),
        },
      },
      errors: { 404: NO_SERVER },
    },
    answer: async ({ parameters, request }) => {
      refuseOthers(await readObject(request), []);
      await orderDrain(live, parameters, false, false);
      return json(200, { drained: false });
    },
  },
  {
    method: 'GET',
    path: '/api/limits',
    description: {
      summary: 'What the keys of limits use',
      query: { top: { description: 'Most keys to list. Default: 50', schema: count } },
      answers: {
        200: {
          description: 'Those with the most traffic first.',
          schema: object({ limits: list(ref('LimitUse')) }),
        },
      },
    },
    answer: async ({ query }) => {
      const top = query.get('top') ?? '50';
      if (!/^\d{1,6}$/.test(top)) throw badQuery('top must be a number from 0 to 999999');
      return json(200, { limits: await live.limits(Number(top)) });
    },
  },
  {
    method: 'POST',
    path: '/api/limits/{rule}/block',
    description: {
      summary: 'Refuse the requests of a key of a rule, and abort its transfers',
      content: object({ key: string, for: { ...string, description: 'A duration. Default: for good' } }, [
        'for',
      ]),
      answers: {
        200: { description: 'It is blocked.', schema: object({ blocked: { const: true }, aborted: count }) },
      },
      errors: { 404: NO_RULE },
    },
    answer: async (request) => {
      const { key, for: duration } = await readKey(request, ['key', 'for']);
      const aborted = await live.block({
        ...toRule(request),
        key,
        isBlocked: true,
        for: readDuration(duration),
      });
      if (aborted === null) throw notFound(NO_RULE);
      return json(200, { blocked: true, aborted });
    },
  },
  {
    method: 'POST',
    path: '/api/limits/{rule}/unblock',
    description: {
      summary: 'End a block',
      content: object({ key: string }),
      answers: { 200: { description: 'It is not blocked.', schema: object({ blocked: { const: false } }) } },
      errors: { 404: NO_RULE },
    },
    answer: async (request) => {
      const { key } = await readKey(request, ['key']);
      const known = await live.block({ ...toRule(request), key, isBlocked: false, for: null });
      if (known === null) throw notFound(NO_RULE);
      return json(200, { blocked: false });
    },
  },
  {
    method: 'POST',
    path: '/api/links/revoke',
    description: {
      summary: 'Revoke a link of a gateway, and abort its downloads',
      content: object({ url: string }),
      answers: {
        200: {
          description: 'It is revoked until it expires.',
          schema: object({ revoked: { const: true }, aborted: count }),
        },
      },
      errors: { 404: 'No gateway has a key that has signed the link.' },
    },
    answer: async ({ request }) => revoke(live, await readObject(request)),
  },
];

async function orderDrain(
  live: Control['live'],
  { group = '', server = '' }: AdminRequest['parameters'],
  isDrained: boolean,
  move: boolean,
): Promise<void> {
  const result = await live.drain({ group, server, isDrained, move });
  if (result === 'unknown') throw notFound(NO_SERVER);
  if (result === 'last')
    throw new SluicewayError('http_request_denied', 'The group has no other server', {
      status: 409,
      publicMessage: 'The group has no other server.',
    });
}

const toRule = ({ parameters: { rule = '' } }: AdminRequest) => ({ rule });

async function readKey({ request }: AdminRequest, members: readonly string[]) {
  const content = await readObject(request);
  refuseOthers(content, members);
  const { key, for: duration } = content;
  if (typeof key !== 'string' || key === '')
    throw badRequest('key must be that of a client or of what the rule counts by.');
  return { key, for: duration };
}

function readDuration(duration: unknown): number | null {
  if (duration === undefined || duration === null) return null;
  try {
    if (typeof duration === 'string') return parseDurationMs(duration);
  } catch {
    // Falls through to the complaint.
  }
  throw badRequest('for must be a duration such as 10m.');
}

async function revoke(live: Control['live'], content: Readonly<Record<string, unknown>>): Promise<Answer> {
  refuseOthers(content, ['url']);
  const { url } = content;
  if (typeof url !== 'string' || url === '') throw badRequest('url must be the link.');
  const aborted = await live.revoke(url);
  if (aborted === null) throw notFound('No gateway has a key that has signed the link.');
  return json(200, { revoked: true, aborted });
}
