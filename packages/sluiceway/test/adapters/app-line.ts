import { createProxy, type ProxyOptions, type TransferRecord } from '../../src/index.js';
import type { Network } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import { until } from '../support/until.js';
import type { AdapterUnderTest, AppUnderTest, Feature } from './adapter-under-test.js';

/** An application with a proxy in it, an origin server behind that, and a client before it. */
interface Line {
  origin: RawOrigin;
  port: number;
  client: RawClient;
  /** What the application's error handler was told. */
  errors: unknown[];
  records: TransferRecord[];
}

type AppOptions = Omit<AppUnderTest, 'handler' | 'onError'> & {
  /** Let the framework answer errors by itself. */
  ownErrors?: boolean;
  proxy?: Omit<ProxyOptions, 'upstream'>;
};

/** Starts applications of one framework, for one test each. */
export class AppLine {
  readonly adapter: AdapterUnderTest;

  constructor(adapter: AdapterUnderTest) {
    this.adapter = adapter;
  }

  has(feature: Feature): boolean {
    return !this.adapter.lacks?.includes(feature);
  }

  async through(net: Network, script: OriginScript, options: AppOptions = {}): Promise<Line> {
    const { proxy: proxyOptions, ownErrors, ...app } = options;
    const origin = await net.origin(script);
    const records: TransferRecord[] = [];
    const proxy = createProxy({
      upstream: origin.url,
      ...proxyOptions,
      observers: [{ onTransferEnd: (record) => void records.push(record) }],
    });
    net.cleanup(() => proxy.destroy());
    const started = await this.start(net, { ...app, handler: proxy }, ownErrors);
    return { ...started, origin, records };
  }

  async start(
    net: Network,
    app: AppUnderTest,
    ownErrors = false,
  ): Promise<Pick<Line, 'port' | 'client' | 'errors'>> {
    const errors: unknown[] = [];
    const handlers = ownErrors ? {} : { onError: (error: unknown) => void errors.push(error) };
    const running = await this.adapter.start({ ...app, ...handlers });
    net.cleanup(() => running.close());
    const { port, ca } = running;
    const client = await net.client(port, ca === undefined ? {} : { tls: { ca } });
    return { port, client, errors };
  }
}

/** The record of the one transfer of a line, waited for. */
export async function ended({ records }: Line): Promise<TransferRecord> {
  await until(() => records.length > 0, 'the transfer had ended');
  return records[0] as TransferRecord;
}
