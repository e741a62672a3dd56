import type { TransferRecord } from '../../src/index.js';
import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import type { OriginScript, RawOrigin } from './raw-origin.js';
import { streaming } from './stream-from.js';
import { through } from './through.js';

/** Both entry points: a proxy in front of a server, and a handler that relays one URL. */
export const faces = ['createProxy', 'streamFrom'] as const;

export interface Faced {
  client: RawClient;
  origin: RawOrigin;
  /** One record for each ended transfer, in the order of their ends. */
  records: readonly TransferRecord[];
}

/** A client of either entry point, with default options, except that loopback addresses are allowed. */
export async function connectThrough(
  net: Network,
  face: (typeof faces)[number],
  script: OriginScript,
): Promise<Faced> {
  if (face === 'createProxy') {
    const { client, origin, running } = await through(net, script);
    return { client, origin, records: running.recorded };
  }
  const origin = await net.origin(script);
  return { origin, ...(await streaming(net, `${origin.url}/file`, { addresses: 'any' })) };
}
