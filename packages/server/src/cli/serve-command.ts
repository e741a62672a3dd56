import { Command } from 'commander';
import { ConfigFile } from '../config/file.js';
import { configMembers } from '../config/options.js';
import { addOperationOptions, type OperationFlags, overrideSource } from './operation-flags.js';
import { run } from './run.js';

const notes = `
The file is in YAML or JSON. sluiceway config init prints one to start with, and sluiceway config check says what is wrong
with one.

A line on standard output tells where each listener is. Each transfer writes one line to standard error when it ends.

SIGHUP makes the server read the file, and the certificates and other files that it names, again: new requests get the new
settings, and running transfers keep theirs. If anything is wrong, nothing changes, and standard error says why. SIGUSR2 opens
the log files again, after they were renamed.

--admin, --admin-token-file, --workers and --store replace admin.address, admin.access, workers and store of the file. SIGUSR1 replaces the
workers one after the other.

SIGTERM and SIGINT (Ctrl-C) stop the server: it accepts no more connections, and running transfers have the drainTimeout
of the file to finish. A second signal ends it at once.

Exit codes:
  0    stopped, and no transfer was cut off
  1    transfers were cut off after the drainTimeout
  2    the command line or the configuration is not valid, or a listener could not be opened
  130  ended by a second SIGINT
  143  ended by a second SIGTERM

Examples:
  sluiceway config init sluiceway.yaml
  sluiceway serve --config sluiceway.yaml`;

/** `sluiceway serve`. Calls `onExit` with the exit code when the server has stopped. */
export function serveCommand(onExit: (code: number) => void): Command {
  const command = new Command('serve')
    .description('serve what a configuration file says')
    .requiredOption('-c, --config <file>', 'configuration file');
  return addOperationOptions(command)
    .addHelpText('after', notes)
    .action(async ({ config, ...flags }: OperationFlags & { config: string }) =>
      onExit(
        await run({
          read: () => overrideSource(new ConfigFile(config, configMembers), flags),
          what: ({ routes: { routes } }) =>
            `serving ${routes.length === 1 ? '1 route' : `${routes.length} routes`}`,
        }),
      ),
    );
}
