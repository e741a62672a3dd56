import { Http2Transport } from './http2/http2-transport.js';
import { NegotiatingTransport } from './negotiating-transport.js';
import type { Transport } from './transport.js';
import type { TransportOptions } from './transport-options.js';
import { WireTransport } from './wire/wire-transport.js';

/** The protocol for origin servers. `auto`: HTTP/2 with https: origin servers that choose it, otherwise HTTP/1.1. */
export type UpstreamProtocol = 'http1' | 'http2' | 'auto';

/** Makes the built-in transport. */
export function createTransport(options: TransportOptions, protocol: UpstreamProtocol): Transport {
  if (protocol === 'http2') return new Http2Transport(options);
  return protocol === 'auto' ? new NegotiatingTransport(options) : new WireTransport(options);
}
