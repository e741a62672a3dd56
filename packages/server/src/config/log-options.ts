import { group, type OptionsOf, oneOf, type SettingsOf, size, string } from 'sluiceway/options';
import { LEVELS } from '../log/entry.js';

const logMembers = {
  format: oneOf(['text', 'json', 'combined', 'none'], {
    default: 'text',
    doc: 'The form of the line for each transfer that ends: `name=value` pairs, JSON, or the combined format of Apache and nginx with the outcome, the seconds, the upstream, the request id and the route behind it. `none`: no lines. Other lines are JSON with `json`, and text otherwise.',
  }),
  output: string({
    type: '`stderr`, `stdout` or file',
    default: 'stderr',
    pattern: /^[^\0]+$/,
    message: 'must be stderr, stdout or a file',
    doc: 'Where lines of transfers are written. A file is created if needed (mode 0640), and appended to. Its folder must exist.',
  }),
  errors: string({
    type: '`stderr`, `stdout` or file',
    default: 'stderr',
    pattern: /^[^\0]+$/,
    message: 'must be stderr, stdout or a file',
    doc: 'Where lines about failed connections are written: those that never became a transfer.',
  }),
  level: oneOf(LEVELS, {
    default: 'info',
    doc: 'The least serious lines that are written. `warn`: no lines of transfers that were complete, answered, or left by their client. `error`: only failures of origin servers and of this one.',
  }),
  buffer: size({
    default: '1MiB',
    min: 65_536,
    doc: 'How much of each log waits in memory if its disk or reader is slow. Further lines are dropped, and a line says how many: a log never holds up a transfer.',
  }),
};

export interface LogOptions extends OptionsOf<typeof logMembers> {}
export interface LogValues extends SettingsOf<typeof logMembers> {}

export const logOption = group<LogOptions, LogValues>(logMembers, { doc: 'The [logs](server.md#logs).' });
