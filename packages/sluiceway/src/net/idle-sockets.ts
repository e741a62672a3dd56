import { readFileSync } from 'node:fs';

/** A connection that nobody uses at the moment. */
export interface IdleSocket {
  destroy(): void;
}

/** The part of a process's descriptors that idle connections may take; clients and running transfers need the others. */
const IDLE_SHARE = 1 / 4;

/** Where the operating system does not tell how many descriptors a process may have. */
const UNKNOWN_LIMIT = 4096;

/** Of those that are closed when descriptors run out: not only one, since the next request needs some as well. */
const CLOSED_SHARE = 1 / 4;

/** The idle connections of all transports of this process, the oldest first. */
const idle = new Set<IdleSocket>();

let most: number | null = null;

/** Counts a connection as idle, and closes the oldest where that makes too many for the process. */
export function addIdleSocket(socket: IdleSocket): void {
  idle.add(socket);
  most ??= Math.max(1, Math.floor(readDescriptorLimit() * IDLE_SHARE));
  if (idle.size > most) closeOldest();
}

export function deleteIdleSocket(socket: IdleSocket): void {
  idle.delete(socket);
}

/** Closes the oldest quarter, since there are no descriptors left. Returns how many it has closed. */
export function closeIdleSockets(): number {
  const count = Math.ceil(idle.size * CLOSED_SHARE);
  for (let i = 0; i < count; i += 1) closeOldest();
  return count;
}

/** Whether a connection failed for want of a descriptor, of the process or of the machine. */
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

/** The soft limit, which Node.js raises to the hard one when it starts. */
function readDescriptorLimit(): number {
  try {
    const [, limit] =
      /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return limit === undefined || limit === 'unlimited' ? UNKNOWN_LIMIT : Number(limit);
  } catch {
    return UNKNOWN_LIMIT;
  }
}
