import { readFileSync } from 'node:fs';

/** A connection that is not in use. */
export interface IdleSocket {
  destroy(): void;
}

/**
 * The share of the process's descriptors that idle connections may use. Clients and running transfers need the rest.
 */
const IDLE_SHARE = 1 / 4;

/** The assumed limit if the operating system does not report how many descriptors a process may have. */
const UNKNOWN_LIMIT = 4096;

/**
 * The share of idle connections to close when descriptors run out. One is not enough, because the next request needs
 * some too.
 */
const CLOSED_SHARE = 1 / 4;

/** The idle connections of all transports of this process, the oldest first. */
const idle = new Set<IdleSocket>();

let most: number | null = null;

/** Registers an idle connection, and closes the oldest ones if the process has too many. */
export function addIdleSocket(socket: IdleSocket): void {
  idle.add(socket);
  most ??= Math.max(1, Math.floor(readDescriptorLimit() * IDLE_SHARE));
  if (idle.size > most) closeOldest();
}

export function deleteIdleSocket(socket: IdleSocket): void {
  idle.delete(socket);
}

/** Closes the oldest quarter of the idle connections because descriptors have run out. Returns how many were closed. */
export function closeIdleSockets(): number {
  const count = Math.ceil(idle.size * CLOSED_SHARE);
  for (let i = 0; i < count; i += 1) closeOldest();
  return count;
}

/** Reports whether a connection failed because the process or the machine has no descriptors left. */
export function isOutOfDescriptors(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isOutOfDescriptors);
  if (!(error instanceof Error) || !('code' in error)) return false;
  return error.code === 'EMFILE' || error.code === 'ENFILE';
}

function closeOldest(): void {
  const [oldest] = idle;
  if (oldest === undefined) return;
  idle.delete(oldest);
  oldest.destroy();
}

/** Reads the soft limit, which Node.js raises to the hard limit at start. */
function readDescriptorLimit(): number {
  try {
    const [, limit] =
      /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined || limit === 'unlimited' ? UNKNOWN_LIMIT : Number(limit);
  } catch {
    return UNKNOWN_LIMIT;
  }
}
