import { diskError } from '../get/get-error.js';
import { CommandError } from './command-error.js';

/**
 * Standard output has status lines; standard error has the transfer log and errors. Either can be a pipe whose reader
 * has gone, which must not end a transfer.
 */
export function keepRunningWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** Prints a status line. */
export function say(line: string): void {
  process.stdout.write(`sluiceway: ${line}\n`);
}

/**
 * Prints what a command was asked for. Rejects with a `CommandError` if it cannot be written, unless the reader has left, as
 * `head` does.
 */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve();
      else reject(new CommandError(diskError('write', 'standard output', error).message, { cause: error }));
    });
  });
}

/** Prints an error line. */
export function complain(line: string): void {
  process.stderr.write(`sluiceway: ${line}\n`);
}

/** Says that the store cannot be asked, or that it can again. */
export function tellStore(problem: string | null): void {
  if (problem === null) say('the store answers again');
  else complain(`the store cannot be asked: ${problem}`);
}
