import type { Network } from './fixture.js';
import type { RequestHead } from './message-head.js';
import { respondWith } from './raw-origin.js';
import type { ProxyOptions } from './servers.js';
import { sized, through } from './through.js';

/** The head of a request as the origin server sees it. The request is a GET with further field lines, or is given raw. */
export async function seenRequest(
  net: Network,
  request: string | readonly string[],
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<RequestHead> {
  let seen: RequestHead | undefined;
  const { client } = await through(
    net,
    respondWith((head) => {
      seen = head;
      return sized('');
    }),
    options,
  );
  if (typeof request === 'string') await client.send(request);
  else await client.get('/', request);
  await client.readResponse({
    method: typeof request === 'string' ? (request.split(' ', 1)[0] ?? '') : 'GET',
  });
  if (seen === undefined) throw new Error('The origin server got no request');
  return seen;
}
