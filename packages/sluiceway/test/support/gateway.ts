import { randomBytes } from 'node:crypto';
import {
  createDownloadGateway,
  type Gateway,
  type GatewayOptions,
  type GrantOptions,
} from '../../src/gateway.js';
import { attach, type NodeServer, type TransferRecord } from '../../src/index.js';
import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import type { OriginOptions, OriginScript, RawOrigin } from './raw-origin.js';
import { type ProxyListenOptions, type RunningServer, startListening } from './servers.js';

export interface GatewayLine {
  origin: RawOrigin;
  gateway: Gateway;
  running: RunningServer<NodeServer> & { ca: string | undefined };
  records: TransferRecord[];
  client: RawClient;
  /** Path and query of a link to a path of the origin server. */
  link(path: string, grant?: Partial<GrantOptions>): string;
}

const testKeys = [{ id: 'k1', secret: randomBytes(32).toString('base64url') }];

/** Allows loopback, which is not public, and any port, since origin servers of tests use free ones. */
const loopbackGuard = { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' } as const;

/** A client, a gateway and an origin server in line. By default the gateway serves links to loopback. */
export async function throughGateway(
  net: Network,
  script: OriginScript,
  options: Partial<GatewayOptions> = {},
  originOptions: OriginOptions = {},
  listen: ProxyListenOptions = {},
): Promise<GatewayLine> {
  const origin = await net.origin(script, originOptions);
  const { gateway, running, records } = await startGateway(net, options, listen);
  return {
    origin,
    gateway,
    running,
    records,
    client: await net.client(running),
    link: (path, grant) => gateway.sign({ url: `${origin.url}${path}`, expires: '1h', ...grant }),
  };
}

/** A gateway on its own server, which is stopped when the test ends. */
export async function startGateway(
  net: Network,
  options: Partial<GatewayOptions> = {},
  listen: ProxyListenOptions = {},
) {
  const records: TransferRecord[] = [];
  const gateway = createDownloadGateway({
    keys: testKeys,
    guard: loopbackGuard,
    ...options,
    observers: [...(options.observers ?? []), { onTransferEnd: (record) => void records.push(record) }],
  });
  const { running, ca } = await startListening(listen);
  attach(running.server, gateway);
  net.cleanup(async () => {
    gateway.destroy();
    await running.stop();
  });
  return { gateway, running: Object.assign(running, { ca }), records };
}
