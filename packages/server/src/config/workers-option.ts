import { availableParallelism } from 'node:os';
import { custom } from 'sluiceway/options';

/** More are of no use: a worker for each core is enough. */
const MAX_WORKERS = 1024;

/** The number of processes that serve. */
export const workersOption = custom<number | 'auto', number>({
  type: "number or `'auto'`",
  defaultText: '`1`',
  schema: { anyOf: [{ type: 'integer', minimum: 1, maximum: MAX_WORKERS }, { enum: ['auto'] }], default: 1 },
  doc: 'The number of processes that serve requests: see [workers](server.md#workers). `auto` is one for each core that the process may use. With 1, the program is a single process. A reload can change the number, but not from 1 or to 1.',
  read: (check, path, value) => {
    if (value === 'auto') return availableParallelism();
    if (value === undefined) return 1;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_WORKERS)
      return value as number;
    check.problem(
      path,
      `must be 'auto' or a whole number from 1 to ${MAX_WORKERS}, not ${JSON.stringify(value)}`,
    );
    return 1;
  },
});
