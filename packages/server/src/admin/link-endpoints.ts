import type { Answer } from 'sluiceway';
import type { LinkName } from '../live/questions.js';
import { badRequest, notFound, readObject, refuseOthers } from './content.js';
import type { Control } from './control.js';
import { count, list, object, string } from './describe.js';
import { type Endpoint, json } from './endpoint.js';

const NO_GATEWAY = 'No gateway has a key that has signed the link.';

/** The links of gateways. */
export const linkEndpoints = ({ live }: Control): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/api/links',
    description: {
      summary: 'The routes that serve links',
      answers: {
        200: {
          description: 'The names of the gateways with keys.',
          schema: object({ gateways: list(string) }),
        },
      },
    },
    answer: async () => json(200, { gateways: await live.gateways() }),
  },
  {
    method: 'POST',
    path: '/api/links/revoke',
    description: {
      summary: 'Revoke a link of a gateway, and abort its downloads',
      content: object(
        { url: string, id: { ...string, description: 'The `link` of a transfer, instead of `url`' } },
        ['url', 'id'],
      ),
      answers: {
        200: {
          description: 'It is revoked until it expires.',
          schema: object({ revoked: { const: true }, aborted: count }),
        },
      },
      errors: { 404: NO_GATEWAY },
    },
    answer: async ({ request }) => revoke(live, await readObject(request)),
  },
];

async function revoke(live: Control['live'], content: Readonly<Record<string, unknown>>): Promise<Answer> {
  refuseOthers(content, ['url', 'id']);
  const aborted = await live.revoke(readLink(content));
  if (aborted === null) throw notFound(NO_GATEWAY);
  return json(200, { revoked: true, aborted });
}

function readLink({ url, id }: Readonly<Record<string, unknown>>): LinkName {
  if ((url === undefined) === (id === undefined))
    throw badRequest('The content must have one of url and id.');
  if (id === undefined) {
    if (typeof url !== 'string' || url === '') throw badRequest('url must be the link.');
    return { url };
  }
  if (typeof id !== 'string' || !LINK_ID.test(id))
    throw badRequest('id must be that of a link, which has 22 characters.');
  return { id };
}

/** 128 bits and a little in base64url. */
const LINK_ID = /^[\w-]{22}$/;
