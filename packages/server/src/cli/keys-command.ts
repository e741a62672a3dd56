import { Command } from 'commander';
import { formatKeys, generateKey } from 'sluiceway/gateway';
import { addToKeyFile, createKeyFile, replaceKeyFile } from './key-files.js';
import { say } from './output.js';
import { UsageError } from './usage-error.js';

interface NewKeyFlags {
  out?: string;
  add?: string;
  force?: boolean;
}

const notes = `
Without --out and --add, the text of a key file goes to standard output, and the secret with it.

Links are signed with the first key of a file, and valid as long as their key is in it. To rotate: --add, and take
the old key out when the last of its links has expired. What reads the file notices the change by itself; a running
sluiceway gateway also reads it on SIGHUP.

Exit codes:
  0  done
  1  a file could not be read or written, or is there already
  2  the command line is wrong

Examples:
  sluiceway keys new --out keys.json
  sluiceway keys new --add keys.json`;

/** `sluiceway keys`. */
export function keysCommand(): Command {
  const command = new Command('keys').description('make the keys that links are signed with');
  command.addCommand(
    new Command('new')
      .description('make a key, and print it or write it to a file')
      .option('--out <file>', 'write a new key file (mode 600) instead of printing it')
      .option('--add <file>', 'put the new key first in this key file')
      .option('--force', 'let --out write over a file that is there')
      .addHelpText('after', notes)
      .action((flags: NewKeyFlags) => runNewKey(flags)),
  );
  return command;
}

function runNewKey({ out, add, force = false }: NewKeyFlags): void {
  if (out !== undefined && add !== undefined) throw new UsageError('--out and --add exclude each other');
  if (force && out === undefined) throw new UsageError('--force needs --out beside it');
  const key = generateKey();
  if (add !== undefined) {
    addToKeyFile(add, key);
    say(`new links are signed with the key ${key.id}, which is the first in ${add}`);
  } else if (out !== undefined) {
    if (force) replaceKeyFile(out, [key]);
    else createKeyFile(out, [key]);
    say(`the key ${key.id} is in ${out}`);
  } else {
    process.stdout.write(formatKeys([key]));
  }
}
