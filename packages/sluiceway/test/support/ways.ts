import { Agent } from 'undici';
import { streamFrom as fetchStreamFrom, toFetch } from '../../src/fetch.js';
import { createProxy, type TransferRecord } from '../../src/index.js';
import type { ProxyOptions as CoreOptions } from '../../src/proxy/options/proxy-options.js';
import { undiciTransport } from '../../src/undici.js';
import type { Network } from './fixture.js';
import { startGateway } from './gateway.js';
import type { RawClient } from './raw-client.js';
import { streaming } from './stream-from.js';

/** What a client gets, whatever its protocol. */
interface Got {
  status: number;
  /** Undefined if the response has no such field. */
  field(name: string): string | undefined;
  content: Buffer;
  /** Everything that was announced has arrived. */
  complete: boolean;
}

interface Way {
  /** Sends a GET for the file, each time on a new connection over HTTP/1.1. */
  get(headers?: Readonly<Record<string, string>>): Promise<Got>;
  /** One record for each ended transfer, in the order of their ends. */
  records: readonly TransferRecord[];
}

/** Options that all entry points have. */
type WayOptions = Pick<CoreOptions, 'resume' | 'timeouts' | 'verifyIfRange'>;

type Opens = (net: Network, originUrl: string, options: WayOptions) => Promise<Way>;

const PATH = '/file';

/** Every entry point and protocol by which a client gets a file of an origin server. */
export const ways: readonly (readonly [name: string, open: Opens])[] = [
  ['createProxy', (net, upstream, options) => throughProxy(net, { upstream, ...options })],
  [
    'createProxy for an HTTP/2 client',
    async (net, upstream, options) => {
      const running = await net.proxy({ upstream, ...options }, { http2: 'h2c' });
      const client = await net.http2(running);
      return {
        records: running.recorded,
        get: async (headers) => {
          const { status, fields, content, complete } = await client.get(PATH, headers);
          return { status, content, complete, field: (name) => fields[name.toLowerCase()]?.toString() };
        },
      };
    },
  ],
  [
    'createProxy with undiciTransport',
    (net, upstream, options) => {
      const transport = undiciTransport(new Agent(), { closesDispatcher: true });
      return throughProxy(net, { upstream, transport, ...options });
    },
  ],
  [
    'streamFrom',
    async (net, originUrl, options) => {
      const url = `${originUrl}${PATH}`;
      const { server, records } = await streaming(net, url, { addresses: 'any', ...options });
      return { records, get: (headers) => getOver(net, server, PATH, headers) };
    },
  ],
  [
    'a gateway',
    async (net, originUrl, options) => {
      const { gateway, running, records } = await startGateway(net, options);
      const link = gateway.sign({ url: `${originUrl}${PATH}`, expires: '1h' });
      return { records, get: (headers) => getOver(net, running, link, headers) };
    },
  ],
  [
    'toFetch',
    async (net, upstream, options) => {
      const records: TransferRecord[] = [];
      const observers = [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }];
      const proxy = createProxy({ upstream, observers, ...options });
      net.cleanup(() => proxy.destroy());
      const handler = toFetch(proxy);
      return { records, get: async (headers) => read(await handler(toRequest(headers))) };
    },
  ],
  [
    'streamFrom of sluiceway/fetch',
    async (_net, originUrl, options) => {
      const records: TransferRecord[] = [];
      const observers = [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }];
      return {
        records,
        get: async (headers) =>
          read(
            await fetchStreamFrom(toRequest(headers), `${originUrl}${PATH}`, {
              addresses: 'any',
              observers,
              ...options,
            }),
          ),
      };
    },
  ],
];

async function throughProxy(net: Network, options: Parameters<Network['proxy']>[0]): Promise<Way> {
  const running = await net.proxy(options);
  return { records: running.recorded, get: (headers) => getOver(net, running, PATH, headers) };
}

async function getOver(
  net: Network,
  to: { readonly port: number },
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Got> {
  const client: RawClient = await net.client(to);
  await client.get(
    path,
    Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  );
  const { head, content, complete } = await client.readResponse();
  client.close();
  return { status: head.status, content, complete, field: (name) => head.get(name) };
}

const toRequest = (headers: Readonly<Record<string, string>> = {}): Request =>
  new Request(`http://test${PATH}`, { headers });

/** Reads a response of the fetch adapter. Its stream fails if content is missing. */
async function read({ status, headers, body }: Response): Promise<Got> {
  const parts: Uint8Array[] = [];
  let complete = true;
  try {
    const stream: AsyncIterable<Uint8Array> | null = body;
    for await (const bytes of stream ?? []) parts.push(bytes);
  } catch {
    complete = false;
  }
  return { status, content: Buffer.concat(parts), complete, field: (name) => headers.get(name) ?? undefined };
}
