import type { Network } from './fixture.js';
import type { RequestHead } from './message-head.js';
import { type OriginScript, type RawOrigin, respondWith } from './raw-origin.js';
import { sized } from './through.js';

/** An origin server that is one of a group, and the requests that it got. */
export interface GroupServer {
  name: string;
  origin: RawOrigin;
  url: string;
  heads: RequestHead[];
}

type Answer = (head: RequestHead, content: Buffer) => string | Uint8Array;

/** Starts servers that answer with their names, or as `answers` says by name. */
export function startServers(
  net: Network,
  names: readonly string[],
  answers: Readonly<Record<string, Answer>> = {},
): Promise<GroupServer[]> {
  return Promise.all(
    names.map((name) => {
      const answer = answers[name];
      return startGroupServer(net, name, (heads) =>
        respondWith((head, content) => {
          heads.push(head);
          return answer?.(head, content) ?? sized(name);
        }),
      );
    }),
  );
}

/** Starts one server with a script of its own. The script adds the heads that it reads to `heads`. */
export async function startGroupServer(
  net: Network,
  name: string,
  script: (heads: RequestHead[]) => OriginScript,
): Promise<GroupServer> {
  const heads: RequestHead[] = [];
  const origin = await net.origin(script(heads));
  return { name, origin, url: origin.url, heads };
}

/** A server that accepts connections, and resets each when the head of its request has arrived. */
export const startResetting = (net: Network, name = 'resetting'): Promise<GroupServer> =>
  startGroupServer(net, name, (heads) => async (connection) => {
    heads.push(await connection.readHead());
    connection.reset();
  });

/** Nothing listens there. */
export const REFUSING = 'http://127.0.0.1:1';
