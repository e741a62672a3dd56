import { parseDurationMs } from 'sluiceway';
import { badQuery } from '../live/transfer-query.js';
import { badRequest, notFound, readObject, refuseOthers } from './content.js';
import type { Control } from './control.js';
import { count, list, object, ref, string } from './describe.js';
import { type AdminRequest, type Endpoint, json } from './endpoint.js';

const NO_RULE = 'No route has such a rule.';

/** The rules of limits, what their keys use, and which keys are blocked. */
export const limitEndpoints = ({ live }: Control): readonly Endpoint[] => [
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
    method: 'GET',
    path: '/api/limits/rules',
    description: {
      summary: 'The rules of limits',
      answers: {
        200: {
          description: 'Those of each route, in their order.',
          schema: object({ rules: list(ref('LimitRule')) }),
        },
      },
    },
    answer: async () => json(200, { rules: await live.rules() }),
  },
  {
    method: 'GET',
    path: '/api/limits/blocks',
    description: {
      summary: 'The blocked keys of limits, with traffic or without',
      answers: {
        200: {
          description: 'The ones that end soonest first.',
          schema: object({ blocks: list(ref('LimitBlock')) }),
        },
      },
    },
    answer: async () => json(200, { blocks: await live.blocks() }),
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
];

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
