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
  /** What the origin server saw; null where no request came. */
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
  // Limits hold from the acknowledgement of these on.
  await frames.next(FrameType.SETTINGS);
  const response = await frames.readResponse(frames.sendRequest(lines, content));
  expect(await frames.readResponse(frames.get('/next'))).toMatchObject({ status: 200, isComplete: true });
  return { seen, response };
}

/** The pseudo-fields of a request but for one. */
export const without = (name: string): FieldLine[] => pseudoFields('/').filter(([each]) => each !== name);

/** The pseudo-fields of a request, one of them changed. */
export const replaced = (name: string, value: string): FieldLine[] =>
  pseudoFields('/').map(([each, before]) => [each, each === name ? value : before]);
