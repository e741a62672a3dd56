import { type Command, Option } from 'commander';
import { LEVELS, type Level } from '../log/entry.js';

/** The flags about logs, as given on the command line. */
export interface LogFlags {
  log: LogFormat;
  logOutput?: string;
  logErrors?: string;
  logLevel: Level;
  requestId?: string | boolean;
}

const logFormats = ['text', 'json', 'combined', 'none'] as const;
type LogFormat = (typeof logFormats)[number];

export function addLogFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--log <format>', 'format of the transfer log')
        .choices(logFormats)
        .default('text' satisfies LogFormat),
    )
    .option(
      '--log-output <where>',
      'where the transfer log is written: stderr, stdout or a file (default stderr)',
    )
    .option(
      '--log-errors <where>',
      'where lines about failed connections are written: stderr, stdout or a file (default stderr)',
    )
    .addOption(
      new Option('--log-level <level>', 'least serious lines of the logs')
        .choices(LEVELS)
        .default('info' satisfies Level),
    )
    .option(
      '--request-id <field>',
      'field that carries the id of a request to the origin server and the client (default X-Request-Id)',
    )
    .option('--no-request-id', 'give requests no id, and pass X-Request-Id as any other field');
}

/** The `log` of a configuration. */
export const toLogConfig = ({ log, logOutput, logErrors, logLevel }: LogFlags): Record<string, unknown> => ({
  format: log,
  ...(logOutput !== undefined && { output: logOutput }),
  ...(logErrors !== undefined && { errors: logErrors }),
  level: logLevel,
});

/** Commander sets true for a flag that has a `--no-` form and is absent. */
export function toRequestId({ requestId: given }: LogFlags): { requestId?: false | { field: string } } {
  if (typeof given === 'string') return { requestId: { field: given } };
  return given === false ? { requestId: false } : {};
}
