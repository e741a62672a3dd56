import { createClient, createCluster, createSentinel } from '@redis/client';
import type { LimitStore } from '../limits/store.js';
import { Checker } from '../options/checker.js';
import { resolve } from '../options/spec.js';
import { RedisBackend } from './redis-backend.js';
import { type RedisStoreOptions, type RedisStoreValues, redisStoreOptions } from './redis-options.js';
import { type RedisClient, RedisServer } from './redis-server.js';
import { SharedStore } from './shared-store.js';

/** Longest time between two attempts to connect. */
const MAX_RECONNECT_MS = 5000;

/**
 * Shares limits and the state of links through a Redis or Valkey server, a cluster of them, or one that sentinels choose.
 * Needs the package `@redis/client`. Connects by itself, and again after the connection is lost. Throws an `OptionsError`
 * that lists every problem.
 */
export function redisStore(options: RedisStoreOptions): LimitStore {
  return new SharedStore(connect(options));
}

function connect(options: RedisStoreOptions): RedisBackend {
  const check = new Checker('redisStore');
  check.required('', options);
  const settings = resolve(redisStoreOptions, options, check);
  const { url, cluster, sentinel, client, prefix, timeout, onChange } = settings;
  const given = [url, cluster, sentinel, client].filter((each) => each !== undefined).length;
  if (given !== 1) check.problem('', 'must have exactly one of url, cluster, sentinel and client');
  if (cluster?.length === 0) check.problem('cluster', 'must have at least one URL');
  check.throwIfAny();
  const clients = client === undefined ? createClients(settings) : adopt(client);
  const server = new RedisServer({
    ...clients,
    isOwn: client === undefined,
    timeoutMs: timeout,
    onChange: onChange ?? (() => {}),
  });
  return new RedisBackend(server, prefix);
}

interface Clients {
  client: RedisClient;
  subscriber: RedisClient | null;
  isCluster: boolean;
}

/** Reconnects at a random time, so that a store that is back does not get all machines at once. */
const reconnectStrategy = (retries: number): number =>
  Math.ceil(Math.random() * Math.min(MAX_RECONNECT_MS, 100 * 2 ** Math.min(retries, 10))) + 20;

const socket = { reconnectStrategy, connectTimeout: 5000 };
const common = { RESP: 2, disableOfflineQueue: true, maintNotifications: 'disabled' } as const;

function createClients({ url, cluster, sentinel }: RedisStoreValues): Clients {
  if (cluster !== undefined) {
    const rootNodes = cluster.map((each) => ({ url: each }));
    const defaults = { ...common, ...credentialsOf(cluster[0]), socket };
    return { client: createCluster({ RESP: 2, rootNodes, defaults }), subscriber: null, isCluster: true };
  }
  if (sentinel !== undefined) {
    const { name = '', nodes, username, password } = sentinel;
    const sentinelRootNodes = (nodes ?? []).map((node) => {
      const colon = node.lastIndexOf(':');
      return { host: node.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(node.slice(colon + 1)) };
    });
    const nodeClientOptions = {
      ...common,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    };
    const client = createSentinel({ RESP: 2, name, sentinelRootNodes, nodeClientOptions });
    return { client, subscriber: null, isCluster: false };
  }
  const path = url?.startsWith('unix:') === true ? url.slice('unix:'.length) : null;
  const client =
    path === null
      ? createClient({ ...common, url: url ?? '', socket })
      : createClient({ ...common, socket: { ...socket, path, tls: false } });
  return { client, subscriber: client.duplicate(), isCluster: false };
}

/** The credentials and TLS of a URL, which the other servers of the cluster have too. */
function credentialsOf(url = ''): object {
  const { protocol, username, password } = new URL(url);
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { socket: { ...socket, tls: true } }),
  };
}

/** A client that the application has made. */
function adopt(client: RedisClient): Clients {
  const isCluster = 'masters' in client;
  if (isCluster || 'getMasterNode' in client) return { client, subscriber: null, isCluster };
  // While it has subscriptions, a connection takes no other commands, with the older protocol.
  const { duplicate } = client as { duplicate?: () => RedisClient };
  return { client, subscriber: duplicate?.call(client) ?? null, isCluster };
}
