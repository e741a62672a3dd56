import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';

/**
 * Removes a Unix socket that no process listens on, such as one that a killed process has left. Does not remove anything
 * else with that path.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSocket() !== true) return;
  const isStale = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (isStale) unlinkSync(path);
}

/** Runs `listen` so that a socket that it creates never has more permissions than `mode`. */
export function withMode(mode: number | null, listen: () => void): void {
  if (mode === null) {
    listen();
    return;
  }
  const before = process.umask(0o777 & ~mode);
  try {
    listen();
  } finally {
    process.umask(before);
  }
}

/** Sets exactly `mode`, which a umask alone cannot. */
export function setMode(path: string, mode: number | null): void {
  if (mode !== null) chmodSync(path, mode);
}
