// @ts-check
import { readFileSync } from 'node:fs';

/** Open files that this process, and so everything it starts, may have: Node itself has raised the limit to the hard one. */
export const openFiles = Number(
  /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1024,
);
