export type { RedisSentinelOptions, RedisStoreOptions } from './store/redis-options.js';
export type { RedisClient } from './store/redis-server.js';
export { redisStore } from './store/redis-store.js';
