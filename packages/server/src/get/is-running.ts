import { readFileSync } from 'node:fs';

/** Whether a process of this number runs that can be a `sluiceway get`. Numbers are used again after a crash. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    return /\bsluiceway\b.*\0get\0/s.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    // No /proc: it has to be assumed.
    return true;
  }
}
