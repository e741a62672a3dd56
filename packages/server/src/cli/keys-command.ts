import { Command } from 'commander';
import { formatKeys, generateKey } from 'sluiceway/gateway';
import { addToKeyFile, createKeyFile, replaceKeyFile } from './key-files.js';
import { print, say } from './output.js';
import { UsageError } from './usage-error.js';

interface NewKeyFlags {
  out?: string;
  add?: string;
  force?: boolean;
}

const notes = `
Without --out and --add, the text of a key file, including the secret, goes to standard output.

The first key of a file signs links. A link is valid as long as its key is in the file. To rotate keys, use --add, and
remove the old key when its last link has expired. A running gateway notices the change, and reads the file at once on
SIGHUP.

Exit codes:
  0  done
  1  a file could not be read or written, or already exists
  2  the command line is not valid

Examples:
  sluiceway keys new --out keys.json
  sluiceway keys new --add keys.json`;

/** `sluiceway keys`. */
export function keysCommand(): Command {
  const command = new Command('keys').description('make keys that sign links');
  command.addCommand(
    new Command('new')
      .description('make a key, and print it or write it to a file')
      .option('--out <file>', 'write a new key file (mode 600) instead of printing it')
      .option('--add <file>', 'put the new key first in this key file')
      .option('--force', 'let --out overwrite an existing file')
      .addHelpText('after', notes)
      .action((flags: NewKeyFlags) => runNewKey(flags)),
  );
  return command;
}

async function runNewKey({ out, add, force = false }: NewKeyFlags): Promise<void> {
  if (out !== undefined && add !== undefined) throw new UsageError('--out and --add cannot be combined');
  if (force && out === undefined) throw new UsageError('--force needs --out');
  const key = generateKey();
  if (add !== undefined) {
    addToKeyFile(add, key);
    say(`the key ${key.id} is now the first in ${add} and signs new links`);
  } else if (out !== undefined) {
    if (force) replaceKeyFile(out, [key]);
    else createKeyFile(out, [key]);
    say(`wrote the key ${key.id} to ${out}`);
  } else {
    await print(formatKeys([key]));
  }
}
