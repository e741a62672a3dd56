import { custom, groupSchema, type Members, redisStoreOptions, resolve } from 'sluiceway/options';
import type { RedisStoreOptions } from 'sluiceway/redis';

const { url, cluster, sentinel, prefix, timeout } = redisStoreOptions;

/** The options of the library that a file can have: the others are objects of a program. */
const members: Members = { url, cluster, sentinel, prefix, timeout };

/** Where processes share limits and the state of links. */
export const storeOption = custom<string | RedisStoreOptions, RedisStoreOptions | undefined>({
  type: 'URL or object',
  members,
  schema: { anyOf: [url.schema() ?? {}, groupSchema(members)] },
  doc: 'A Redis or Valkey server through which several machines share limits and the state of links: `redis://host:6379`, or an object with the options of [redisStore](scaling.md#options-of-the-store). Without it, the processes of one machine share them. A reload cannot change it.',
  read: (check, path, value) => {
    if (value === undefined) return undefined;
    const before = check.problems.length;
    if (typeof value === 'string') url.read(check, path, value);
    else {
      resolve(members, value, check, path);
      const given = Object.keys(value as object).filter((name) =>
        ['url', 'cluster', 'sentinel'].includes(name),
      );
      if (given.length !== 1) check.problem(path, 'must have exactly one of url, cluster and sentinel');
    }
    if (check.problems.length > before) return undefined;
    // Checked above.
    return typeof value === 'string' ? { url: value } : (value as RedisStoreOptions);
  },
});
