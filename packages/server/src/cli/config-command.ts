import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { ConfigFile } from '../config/file.js';
import { configMembers } from '../config/options.js';
import { configSchema } from '../config/schema.js';
import { showConfig } from '../config/show.js';
import { starterConfig } from '../config/starter.js';
import { checkOnly, compile, type Plan } from '../server/compile.js';
import { CommandError } from './command-error.js';
import { print, say } from './output.js';

const checkNotes = `
Reads the file and everything that it names: certificates, keys, password and token files. Nothing listens, and no origin
server is asked. Each problem is a line of its own: file:line:column: path and what is wrong.

Exit codes:
  0  the configuration is valid
  2  it is not`;

const showNotes = `
Prints the file as it takes effect, in YAML: with anchors written out, with defaults in each route, and with the routes in
the order in which they are tried. Secrets are masked; \${env:…} and \${file:…} stay as they are.

Exit codes:
  0  done
  2  the configuration is not valid`;

const initNotes = `
Exit codes:
  0  done
  1  the file exists, or could not be written

Example:
  sluiceway config init sluiceway.yaml`;

/** `sluiceway config`. */
export function configCommand(): Command {
  const command = new Command('config').description('write, check and show configuration files');
  command.addCommand(
    new Command('init')
      .description('print a configuration file to start with, or write it')
      .argument('[file]', 'new file; an existing one is never overwritten')
      .addHelpText('after', initNotes)
      .action((file: string | undefined) => runInit(file)),
  );
  command.addCommand(
    new Command('check')
      .description('say what is wrong with a configuration file')
      .argument('<file>', 'configuration file')
      .addHelpText('after', checkNotes)
      .action((file: string) => {
        const { plan } = load(file);
        const { routes } = plan.routes;
        say(`${file} is valid: ${plan.listeners.length} listener(s), ${routes.length} route(s)`);
      }),
  );
  command.addCommand(
    new Command('show')
      .description('print a configuration file as it takes effect, without secrets')
      .argument('<file>', 'configuration file')
      .addHelpText('after', showNotes)
      .action(async (file: string) => {
        const { source, plan } = load(file);
        const { routes, table } = plan.routes;
        await print(
          showConfig(
            source.written,
            table.inOrder.map((route) => routes.indexOf(route)),
          ),
        );
      }),
  );
  command.addCommand(
    new Command('schema')
      .description('print the JSON Schema of configuration files, for editors')
      .action(() => print(`${JSON.stringify(configSchema(), null, 2)}\n`)),
  );
  return command;
}

/** Checks a file as `sluiceway serve` does. Throws a `ConfigError`. */
function load(file: string): { source: ConfigFile; plan: Plan } {
  const source = new ConfigFile(file, configMembers);
  const plan = compile(source, checkOnly);
  // No listener is open. Release what the routes hold.
  for (const { handler } of plan.routes.routes) handler.destroy();
  plan.routes.unrouted.destroy();
  return { source, plan };
}

async function runInit(file: string | undefined): Promise<void> {
  const schema = fileURLToPath(new URL('../sluiceway.schema.json', import.meta.url));
  const text = starterConfig(schema);
  if (file === undefined) {
    await print(text);
    return;
  }
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'EEXIST' ? 'it already exists' : code === 'ENOENT' ? 'there is no such directory' : message;
    throw new CommandError(`cannot write ${file}: ${reason}`, { cause: error });
  }
  say(`wrote ${relative('', file)}; check it with: sluiceway config check ${file}`);
}
