import { test as base } from 'vitest';
import { type FrameClientOptions, type FramesClient, openFrames } from './frames-client.js';
import { type Http2Client, openHttp2 } from './http2-client.js';
import { type ClientOptions, openClient, type RawClient } from './raw-client.js';
import { type OriginOptions, type OriginScript, type RawOrigin, startOrigin } from './raw-origin.js';
import { type ProxyListenOptions, type ProxyOptions, type RunningProxy, startProxy } from './servers.js';
import { until } from './until.js';

/** An HTTP/2 server, and the certificate authority that clients have to trust if it uses TLS. */
type Http2Address = Pick<RunningProxy, 'port' | 'ca'>;

/** Starts what a test needs, and stops it when the test ends. */
export interface Network {
  origin(script: OriginScript, options?: OriginOptions): Promise<RawOrigin>;
  proxy(options: ProxyOptions, listen?: ProxyListenOptions): Promise<RunningProxy>;
  client(to: number | { readonly port: number }, options?: ClientOptions): Promise<RawClient>;
  /** A connection of Node's HTTP/2 client. */
  http2(to: Http2Address): Promise<Http2Client>;
  /** A connection on which HTTP/2 is spoken frame by frame. */
  frames(to: Http2Address, options?: FrameClientOptions): Promise<FramesClient>;
  /** Adds a function that stops something else. They are called last to first, before the network is stopped. */
  cleanup(stop: () => unknown): void;
}

/**
 * `test` with its own network: `test('…', async ({ net }) => { … })`. After the test the clients leave. The test fails
 * unless every proxy then releases every transfer and every socket on both sides by itself, and unless the scripts of the
 * origin servers succeeded.
 */
export const test = base.extend<{ net: Network }>({
  net: async ({ task }, use) => {
    const origins: RawOrigin[] = [];
    const proxies: RunningProxy[] = [];
    const clients: { close(): void }[] = [];
    const stops: (() => unknown)[] = [];

    const keep = async <T extends K, K>(kept: K[], starting: Promise<T>): Promise<T> => {
      const started = await starting;
      kept.push(started);
      return started;
    };

    try {
      await use({
        origin: (script, options) => keep(origins, startOrigin(script, options)),
        proxy: (options, listen) => keep(proxies, startProxy(options, listen)),
        client: (to, options) => keep(clients, openClient(typeof to === 'number' ? to : to.port, options)),
        http2: (to) => keep(clients, openHttp2(to.port, to)),
        frames: (to, options) => keep(clients, openFrames(to, options)),
        cleanup: (stop) => void stops.push(stop),
      });
      for (const stop of stops.splice(0).toReversed()) await stop();
      for (const client of clients) client.close();
      // A failed test is already reported, and may have left anything open.
      if (task.result?.state !== 'fail') await expectNothingHeld(origins, proxies);
    } finally {
      for (const stop of stops.toReversed()) await stop();
      for (const client of clients) client.close();
      for (const proxy of proxies) await proxy.stop();
      await Promise.all(origins.map((origin) => origin.stop()));
    }
  },
});

/** After the clients have left, no transfer or socket must be left, and a drained proxy keeps no upstream connection. */
async function expectNothingHeld(origins: RawOrigin[], proxies: RunningProxy[]): Promise<void> {
  for (const { proxy } of proxies) await until(() => proxy.active === 0, 'the proxy had no transfer left');
  for (const running of proxies) {
    await until(() => running.sessions === 0, 'no HTTP/2 session of a client was left');
    await until(() => running.open === 0, 'no socket of a client was left');
  }
  if (proxies.length === 0) return;
  for (const { proxy } of proxies) await proxy.close();
  for (const origin of origins)
    await until(() => origin.open === 0, 'no connection to the origin server was left');
}
