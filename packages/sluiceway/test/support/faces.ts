import type { TransferRecord } from '../../src/index.js';
import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import type { OriginScript, RawOrigin } from './raw-origin.js';
import { streaming } from './stream-from.js';
import { through } from './through.js';

/** Both ways to a file: a proxy before its server, and a handler that passes on one URL. */
export const faces = ['createProxy', 'streamFrom'] as const;

export interface Faced {
  client: RawClient;
  origin: RawOrigin;
  /** One for each transfer that has ended, in that order. */
  records: readonly TransferRecord[];
}

/** A client of either face, all options at their defaults (but that loopback addresses may be connected to). */
export async function connectThrough(
  net: Network,
  face: (typeof faces)[number],
  script: OriginScript,
): Promise<Faced> {
  if (face === 'createProxy') {
    const { client, origin, running } = await through(net, script);
    return { client, origin, records: running.records };
  }
  const origin = await net.origin(script);
  return { origin, ...(await streaming(net, `${origin.url}/file`, { addresses: 'any' })) };
}
