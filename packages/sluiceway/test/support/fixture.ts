import { test as base } from 'vitest';
import { type ClientOptions, openClient, type RawClient } from './raw-client.js';
import { type OriginOptions, type OriginScript, type RawOrigin, startOrigin } from './raw-origin.js';
import { type ProxyListenOptions, type ProxyOptions, type RunningProxy, startProxy } from './servers.js';
import { until } from './until.js';

/** What a test starts; all of it is stopped when the test ends. */
export interface Network {
  origin(script: OriginScript, options?: OriginOptions): Promise<RawOrigin>;
  proxy(options: ProxyOptions, listen?: ProxyListenOptions): Promise<RunningProxy>;
  client(to: number | { readonly port: number }, options?: ClientOptions): Promise<RawClient>;
  /** Anything else that has to be stopped: called last to first, before the network is. */
  cleanup(stop: () => unknown): void;
}

/**
 * `test` with a network of its own: `test('…', async ({ net }) => { … })`. After the test the clients leave,
 * and the test fails unless every proxy then lets go of every transfer and every socket on both sides by
 * itself, and unless the scripts of the origin servers went well.
 */
export const test = base.extend<{ net: Network }>({
  net: async ({ task }, use) => {
    const origins: RawOrigin[] = [];
    const proxies: RunningProxy[] = [];
    const clients: RawClient[] = [];
    const stops: (() => unknown)[] = [];

    const keep = async <T>(kept: T[], starting: Promise<T>): Promise<T> => {
      const started = await starting;
      kept.push(started);
      return started;
    };

    try {
      await use({
        origin: (script, options) => keep(origins, startOrigin(script, options)),
        proxy: (options, listen) => keep(proxies, startProxy(options, listen)),
        client: (to, options) => keep(clients, openClient(typeof to === 'number' ? to : to.port, options)),
        cleanup: (stop) => void stops.push(stop),
      });
      for (const stop of stops.splice(0).toReversed()) await stop();
      for (const client of clients) client.close();
      // A failed test has said enough, and may have left anything behind.
      if (task.result?.state !== 'fail') await expectNothingHeld(origins, proxies);
    } finally {
      for (const stop of stops.toReversed()) await stop();
      for (const client of clients) client.close();
      for (const proxy of proxies) await proxy.stop();
      await Promise.all(origins.map((origin) => origin.stop()));
    }
  },
});

/** Clients are gone, so transfers and their sockets must be; a drained proxy keeps no connection to an origin. */
async function expectNothingHeld(origins: RawOrigin[], proxies: RunningProxy[]): Promise<void> {
  for (const { proxy } of proxies) await until(() => proxy.active === 0, 'the proxy had no transfer left');
  for (const running of proxies) await until(() => running.open === 0, 'no socket of a client was left');
  if (proxies.length === 0) return;
  for (const { proxy } of proxies) await proxy.close();
  for (const origin of origins)
    await until(() => origin.open === 0, 'no connection to the origin server was left');
}
