/**
 * Standard output tells what the program does; standard error has the transfer log and what went wrong. Both may
 * be a pipe whose reader has gone: that must not end a transfer.
 */
export function keepRunningWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** One line of what the program does. */
export function say(line: string): void {
  process.stdout.write(`sluiceway: ${line}\n`);
}

/** One line of what went wrong. */
export function complain(line: string): void {
  process.stderr.write(`sluiceway: ${line}\n`);
}
