import type { ListenerPlan } from '../server/listener-plan.js';

/**
 * Runs `open`, during which this process may bind Unix sockets for workers. Meanwhile the umask is that of the narrowest
 * `mode`, so that no socket ever has more permissions than it should; the workers then set exactly their `mode`.
 */
export async function withNarrowUmask<T>(
  listeners: readonly Pick<ListenerPlan, 'address' | 'mode'>[],
  open: () => Promise<T>,
): Promise<T> {
  const modes = listeners.flatMap(({ address, mode }) => ('path' in address && mode !== null ? [mode] : []));
  if (modes.length === 0) return open();
  const before = process.umask(modes.reduce((umask, mode) => umask | (0o777 & ~mode), 0));
  try {
    return await open();
  } finally {
    process.umask(before);
  }
}
