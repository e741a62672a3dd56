import { expect } from 'vitest';
import type { Network } from './fixture.js';
import { FrameType } from './frames.js';
import { type FramesResponse, pseudoFields } from './frames-client.js';
import type { FieldLine } from './hpack.js';
import { framesLine } from './http2-line.js';
import type { RequestHead } from './message-head.js';
import { respondWith } from './raw-origin.js';
import { sized } from './through.js';

export interface Http2Exchange {
  /** The request that the origin server got; null if none came. */
  seen: RequestHead | null;
  response: FramesResponse;
}

/** Sends one request of exactly these lines, then checks that the connection still serves another one. */
export async function exchange(
  net: Network,
  lines: readonly FieldLine[],
  content?: string,
): Promise<Http2Exchange> {
  let seen = null as RequestHead | null;
  const { frames } = await framesLine(
    net,
    respondWith((head) => {
      if (head.target !== '/next') seen = head;
      return sized('');
    }),
    { name: 'us' },
  );
  // Limits apply once these settings are acknowledged.
  await frames.next(FrameType.SETTINGS);
  const response = await frames.readResponse(frames.sendRequest(lines, content));
  expect(await frames.readResponse(frames.get('/next'))).toMatchObject({ status: 200, isComplete: true });
  return { seen, response };
}

/** The pseudo-fields of a request, except one. */
export const without = (name: string): FieldLine[] => pseudoFields('/').filter(([each]) => each !== name);

/** The pseudo-fields of a request, with one of them changed. */
export const replaced = (name: string, value: string): FieldLine[] =>
  pseudoFields('/').map(([each, before]) => [each, each === name ? value : before]);
