import type { HeadLimits } from '../http/head-reader.js';
import { type AddressPolicy, anyAddress } from '../net/address-policy.js';
import type { DialTlsOptions } from '../net/dial-tls.js';
import type { Egress } from '../net/egress.js';
import type { Resolver } from '../net/resolver.js';
import { systemResolver } from '../net/system-resolver.js';
import { IdleConnections } from './idle-connections.js';

export const MAX_IDLE_CONNECTIONS = 1000;

/** Options of the built-in transports, whichever version of HTTP they speak. */
export interface TransportOptions {
  /** Which addresses may be connected to. Default: any. */
  policy?: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** The proxies that connections go through. Needs a policy of any address. Default: none. */
  egress?: Egress;
  /** Private CA, client certificate, server name. Verification cannot be turned off. */
  tls?: DialTlsOptions;
  /** For looking up, connecting and the TLS handshake together, and for waiting in line. Default 10 s. */
  connectTimeoutMs?: number;
  /** Bytes of one response head or trailer section. Default 64 KiB. */
  maxHeadBytes?: number;
  /** Field lines of one response head or trailer section. Default 256. */
  maxHeadFields?: number;
  /** Connections to one destination. Default unlimited. */
  maxConnections?: number;
  /** Requests that may wait for a connection to one destination; more are refused. Default 1000. */
  maxQueued?: number;
  /** How long an unused connection is kept; the origin server's own shorter word is honoured. Default 60 s. */
  idleTimeoutMs?: number;
  /** Unused connections to all destinations together; the oldest gives way. Default 1000. */
  maxIdleConnections?: number;
  /** Takes the place of `maxIdleConnections`, for transports that are limited together. */
  idle?: IdleConnections;
}

/** Checked values of `TransportOptions`. */
export interface TransportSettings {
  policy: AddressPolicy;
  resolver: Resolver;
  egress: Egress | null;
  tls: DialTlsOptions;
  connectTimeoutMs: number;
  headLimits: HeadLimits;
  /** Connections to one destination, busy and idle. */
  maxConnections: number;
  /** Exchanges that may wait for one of them. */
  maxQueued: number;
  idleTimeoutMs: number;
  idle: IdleConnections;
}

export function resolveTransportOptions(options: TransportOptions): TransportSettings {
  return {
    policy: options.policy ?? anyAddress,
    resolver: options.resolver ?? systemResolver,
    egress: options.egress ?? null,
    tls: options.tls ?? {},
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    headLimits: { maxBytes: options.maxHeadBytes ?? 64 * 1024, maxFields: options.maxHeadFields ?? 256 },
    maxConnections: options.maxConnections ?? Number.POSITIVE_INFINITY,
    maxQueued: options.maxQueued ?? 1000,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    idle: options.idle ?? new IdleConnections(options.maxIdleConnections ?? MAX_IDLE_CONNECTIONS),
  };
}
