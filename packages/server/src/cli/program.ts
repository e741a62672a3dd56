import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { ListenError } from '../listeners/address.js';
import { CommandError } from './command-error.js';
import { complain, keepRunningWithoutReader } from './output.js';
import { UsageError } from './usage-error.js';
import { readVersion } from './version.js';

/**
 * Runs the program with these arguments. Resolves with the exit code. Any other exception is a bug, and ends the program
 * with its stack trace.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  keepRunningWithoutReader();
  let code = 0;
  const program = await createProgram(args[0], (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has already printed its message. --help and --version also end here, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (!expected.some((known) => error instanceof known)) throw error;
    for (const line of (error as Error).message.split('\n')) complain(line);
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

/** Errors that tell users what to do. */
const expected = [UsageError, ConfigError, ListenError, CommandError];

type OnExit = (code: number) => void;

/** The commands, in the order of the help. Only the one that runs is loaded. */
const commands: Readonly<Record<string, (onExit: OnExit) => Promise<Command>>> = {
  serve: async (onExit) => (await import('./serve-command.js')).serveCommand(onExit),
  config: async () => (await import('./config-command.js')).configCommand(),
  proxy: async (onExit) => (await import('./proxy-command.js')).proxyCommand(onExit),
  gateway: async (onExit) => (await import('./gateway-command.js')).gatewayCommand(onExit),
  get: async (onExit) => (await import('./get-command.js')).getCommand(onExit),
  keys: async () => (await import('./keys-command.js')).keysCommand(),
  sign: async () => (await import('./sign-command.js')).signCommand(),
  top: async (onExit) => (await import('./top-command.js')).topCommand(onExit),
  verify: async (onExit) => (await import('./verify-command.js')).verifyCommand(onExit),
  doctor: async (onExit) => (await import('./doctor-command.js')).doctorCommand(onExit),
};

/** `name` is that of the command. If there is no such command, all are there: for the help and for suggestions. */
async function createProgram(name: string | undefined, onExit: OnExit): Promise<Command> {
  const program = new Command('sluiceway')
    .description('Streaming reverse proxy for large files')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help');
  const only = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  for (const load of only ? [only] : Object.values(commands)) program.addCommand(await load(onExit));
  for (const command of withSubcommands(program)) {
    command.helpOption('-h, --help', 'print this help');
    command.exitOverride().configureOutput({
      outputError: (text, write) =>
        write(
          `sluiceway: ${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')}\n`,
        ),
    });
  }
  return program;
}

const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];
