import { group, list } from '../options/composites.js';
import { custom, duration, func, string } from '../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../options/spec.js';
import { groupSchema } from '../options/to-json-schema.js';
import type { RedisClient } from './redis-server.js';

const URL_FORM = /^(?:rediss?:\/\/[^\s]+|unix:.+)$/;

const nodeUrl = string({
  type: 'URLs',
  pattern: URL_FORM,
  message: 'must be a URL such as redis://10.0.0.7:6379 or rediss://host',
});

const sentinelOptions = {
  /** The name of the group of servers that the sentinels watch. Required. */
  name: string({ required: true, doc: 'The name of the group of servers that the sentinels watch.' }),
  /** Some of the sentinels, each as `host:port`. Required. */
  nodes: list(
    string({
      type: 'addresses',
      pattern: /^.+:\d{1,5}$/,
      message: 'must be an address such as 10.0.0.7:26379',
    }),
    { required: true, doc: 'Some of the sentinels, each as `host:port`.' },
  ),
  /** The user name for the servers. Default: none. */
  username: string({ doc: 'The user name for the servers.' }),
  /** The password for the servers. Default: none. */
  password: string({ doc: 'The password for the servers.' }),
};

export interface RedisSentinelOptions extends OptionsOf<typeof sentinelOptions> {}
interface RedisSentinelValues extends SettingsOf<typeof sentinelOptions> {}

/** The options of `redisStore`. */
export const redisStoreOptions = {
  /**
   * The server: `redis://user:password@host:port/database`, `rediss:` for TLS, or `unix:/run/redis.sock`.
   * Exactly one of `url`, `cluster`, `sentinel` and `client` is required. Default: none.
   */
  url: string({
    type: 'URL',
    pattern: URL_FORM,
    message: 'must be a URL such as redis://127.0.0.1:6379, rediss://host, or unix:/run/redis.sock',
    doc: 'The server: `redis://user:password@host:port/database`, `rediss:` for TLS, or `unix:/run/redis.sock`. Exactly one of `url`, `cluster`, `sentinel` and `client` is required.',
  }),
  /** The URLs of some servers of a cluster. The others are found through them. Default: none. */
  cluster: list(nodeUrl, {
    doc: 'The URLs of some servers of a cluster. The others are found through them.',
  }),
  /** Sentinels, which know the present server. Default: none. */
  sentinel: custom<RedisSentinelOptions, RedisSentinelValues | undefined>({
    type: 'object',
    members: sentinelOptions,
    schema: groupSchema(sentinelOptions),
    doc: 'Sentinels, which know the present server.',
    read: (check, path, value) =>
      value === undefined
        ? undefined
        : group<RedisSentinelOptions, RedisSentinelValues>(sentinelOptions, {}).read(check, path, value),
  }),
  /**
   * A client of `@redis/client`: of `createClient`, `createCluster` or `createSentinel`. The store opens it
   * if it is not open, and never closes it. Default: none.
   */
  client: custom<RedisClient, RedisClient | undefined>({
    type: 'client of `@redis/client`',
    schema: null,
    doc: 'A client of `@redis/client`: of `createClient`, `createCluster` or `createSentinel`. The store opens it if it is not open, and never closes it.',
    read: (check, path, value) => {
      if (value === undefined) return undefined;
      const isClient = typeof value === 'object' && value !== null && 'evalSha' in value;
      if (!isClient) check.problem(path, 'must be a client of @redis/client');
      return value as RedisClient;
    },
  }),
  /**
   * The start of the names of all keys and of the channel. Processes that share limits must have the same.
   * Default: `sluiceway:`.
   */
  prefix: string({
    default: 'sluiceway:',
    doc: 'The start of the names of all keys and of the channel. Processes that share limits must have the same.',
  }),
  /**
   * How long an answer of the store may take. After that, and for as long as the store does not answer, each
   * rule acts as its `onStoreFailure` says. Default: `500ms`.
   */
  timeout: duration({
    default: '500ms',
    min: 10,
    doc: 'How long an answer of the store may take. After that, and for as long as the store does not answer, each rule acts as its `onStoreFailure` says.',
  }),
  /**
   * Called with the reason when the store cannot be asked any more, and with null when it can again. Default:
   * none.
   */
  onChange: func<(problem: string | null) => void>({
    doc: 'Called with the reason when the store cannot be asked any more, and with null when it can again.',
  }),
};

export interface RedisStoreOptions extends OptionsOf<typeof redisStoreOptions> {}
export interface RedisStoreValues extends SettingsOf<typeof redisStoreOptions> {}
