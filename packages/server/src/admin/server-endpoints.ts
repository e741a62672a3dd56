import { SluicewayError } from 'sluiceway';
import { badRequest, notFound, readObject, refuseOthers } from './content.js';
import type { Control } from './control.js';
import { boolean, list, object, ref, string } from './describe.js';
import { type AdminRequest, type Endpoint, json } from './endpoint.js';

const NO_SERVER = 'No group has such a server.';

/** The servers of groups. */
export const serverEndpoints = ({ live }: Control): readonly Endpoint[] => [
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
