import { type StreamFromOptions, streamFrom, type TransferRecord } from '../../src/index.js';
import type { Network } from './fixture.js';
import type { RawClient } from './raw-client.js';
import { type RunningServer, startServer } from './servers.js';

export interface Handler {
  server: RunningServer;
  client: RawClient;
  records: TransferRecord[];
}

/** A server whose only handler answers every request with `streamFrom` of one URL, and a client of it. */
export async function streaming(
  net: Network,
  url: string | URL,
  options: StreamFromOptions | undefined = {},
): Promise<Handler> {
  const records: TransferRecord[] = [];
  const observed = {
    ...options,
    observers: [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }],
  };
  const running = await startServer((request, response) => void streamFrom(request, response, url, observed));
  net.cleanup(() => running.stop());
  return { server: running, client: await net.client(running), records };
}
