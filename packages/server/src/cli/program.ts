import { Command, CommanderError } from 'commander';
import { ConfigError } from '../config/config-error.js';
import { ListenError } from '../listeners/address.js';
import { CommandError } from './command-error.js';
import { configCommand } from './config-command.js';
import { gatewayCommand } from './gateway-command.js';
import { keysCommand } from './keys-command.js';
import { complain, keepRunningWithoutReader } from './output.js';
import { proxyCommand } from './proxy-command.js';
import { serveCommand } from './serve-command.js';
import { signCommand } from './sign-command.js';
import { UsageError } from './usage-error.js';
import { verifyCommand } from './verify-command.js';
import { readVersion } from './version.js';

/**
 * Runs the program with these arguments. Resolves with the exit code. Any other exception is a bug, and ends the program
 * with its stack trace.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  keepRunningWithoutReader();
  let code = 0;
  const program = createProgram((exitCode) => {
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

function createProgram(onExit: (code: number) => void): Command {
  const program = new Command('sluiceway')
    .description('Streaming reverse proxy for large files')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help');
  const commands = [
    serveCommand(onExit),
    configCommand(),
    proxyCommand(onExit),
    gatewayCommand(onExit),
    keysCommand(),
    signCommand(),
    verifyCommand(onExit),
  ];
  for (const command of commands) program.addCommand(command);
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
