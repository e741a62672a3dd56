import type { HeadLimits } from '../http/head-reader.js';
import { type AddressPolicy, anyAddress } from '../net/address-policy.js';
import type { DialTlsOptions } from '../net/dial-tls.js';
import type { Egress } from '../net/egress.js';
import type { ProxyProtocolVersion } from '../net/proxy-header.js';
import type { Resolver } from '../net/resolver.js';
import { systemResolver } from '../net/system-resolver.js';
import { IdleConnections } from './idle-connections.js';

export const MAX_IDLE_CONNECTIONS = 1000;

/** Options of the built-in transports, for all HTTP versions. */
export interface TransportOptions {
  /** Which addresses are allowed. Default: any. */
  policy?: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** The egress proxies for connections. Requires a policy that allows any address. Default: none. */
  egress?: Egress;
  /**
   * Begins each connection with a header of the PROXY protocol, and uses it for one client only. For HTTP/1.1 without
   * egress proxies. Default: none.
   */
  proxyProtocol?: ProxyProtocolVersion;
  /** Private CA, client certificate, server name. Verification cannot be turned off. */
  tls?: DialTlsOptions;
  /** Timeout for lookup, connecting and the TLS handshake together, and for waiting in the queue. Default 10 s. */
  connectTimeoutMs?: number;
  /** Most bytes of one response head or trailer section. Default 64 KiB. */
  maxHeadBytes?: number;
  /** Most field lines of one response head or trailer section. Default 256. */
  maxHeadFields?: number;
  /** Most connections to one destination. Default: unlimited. */
  maxConnections?: number;
  /** Most requests that wait for a connection to one destination. Further ones are refused. Default 1000. */
  maxQueued?: number;
  /** How long an unused connection is kept, unless the origin server announces a shorter time. Default 60 s. */
  idleTimeoutMs?: number;
  /** Most unused connections to all destinations together. Above it, the oldest is closed. Default 1000. */
  maxIdleConnections?: number;
  /** Replaces `maxIdleConnections`, for transports that share a limit. */
  idle?: IdleConnections;
}

/** Checked values of `TransportOptions`. */
export interface TransportSettings {
  policy: AddressPolicy;
  resolver: Resolver;
  egress: Egress | null;
  /** Null: connections begin with TLS or HTTP. */
  proxyProtocol: ProxyProtocolVersion | null;
  tls: DialTlsOptions;
  connectTimeoutMs: number;
  headLimits: HeadLimits;
  /** Most connections to one destination, busy and idle. */
  maxConnections: number;
  /** Most exchanges that wait for one of them. */
  maxQueued: number;
  idleTimeoutMs: number;
  idle: IdleConnections;
}

export function resolveTransportOptions(options: TransportOptions): TransportSettings {
  return {
    policy: options.policy ?? anyAddress,
    resolver: options.resolver ?? systemResolver,
    egress: options.egress ?? null,
    proxyProtocol: options.proxyProtocol ?? null,
    tls: options.tls ?? {},
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    headLimits: { maxBytes: options.maxHeadBytes ?? 64 * 1024, maxFields: options.maxHeadFields ?? 256 },
    maxConnections: options.maxConnections ?? Number.POSITIVE_INFINITY,
    maxQueued: options.maxQueued ?? 1000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    idle: options.idle ?? new IdleConnections(options.maxIdleConnections ?? MAX_IDLE_CONNECTIONS),
  };
}
