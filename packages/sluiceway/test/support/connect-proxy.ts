import type { TestCertificate } from './certificates.js';
import type { Network } from './fixture.js';
import type { RequestHead } from './message-head.js';
import { openClient, type RawClient } from './raw-client.js';
import type { OriginConnection, RawOrigin } from './raw-origin.js';
import type { Wire } from './wire.js';

export interface ConnectProxyOptions {
  /** Serve TLS. */
  tls?: TestCertificate;
  /** The answer to CONNECT once the destination is reached. Bytes after its empty line are sent as they are. */
  answer?: string;
  /** Answers instead of opening a tunnel. When it returns, the connection stays open until the peer's FIN. */
  refuse?: (connection: OriginConnection) => Promise<void> | void;
}

export interface ConnectProxy {
  readonly url: string;
  readonly listener: RawOrigin;
  /** The head of every CONNECT so far. */
  readonly requests: readonly RequestHead[];
  /** Our ends of the tunnels: towards the client of the proxy, and towards the origin server. */
  readonly tunnels: readonly { client: OriginConnection; origin: RawClient }[];
}

/** A proxy that opens tunnels to 127.0.0.1 for any name, and relays their bytes with backpressure. */
export async function startConnectProxy(
  net: Network,
  options: ConnectProxyOptions = {},
): Promise<ConnectProxy> {
  const { tls, refuse, answer = 'HTTP/1.1 200 Connection established\r\n\r\n' } = options;
  const requests: RequestHead[] = [];
  const tunnels: ConnectProxy['tunnels'][number][] = [];
  const listener = await net.origin(
    async (client) => {
      const head = await client.readHead();
      requests.push(head);
      if (refuse) return refuse(client);
      const port = /^CONNECT \S+:(\d+) HTTP\/1\.1$/.exec(head.startLine)?.[1];
      const origin = await openClient(Number(port));
      tunnels.push({ client, origin });
      await client.write(answer);
      await Promise.all([forward(client, origin), forward(origin, client)]);
    },
    tls === undefined ? {} : { tls },
  );
  net.cleanup(() => {
    for (const { origin } of tunnels) origin.close();
  });
  return { url: listener.url, listener, requests, tunnels };
}

async function forward(from: Wire, to: Wire): Promise<void> {
  for (let bytes = await from.readSome(); bytes !== null; bytes = await from.readSome())
    await to.write(bytes);
  if (from.ending === 'fin') to.end();
  else to.reset();
}
