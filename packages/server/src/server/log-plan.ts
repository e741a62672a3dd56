import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Checker } from 'sluiceway/options';
import type { FileOf } from '../access/access-kinds.js';
import type { LogValues } from '../config/log-options.js';
import type { LogSettings } from '../log/logs.js';
import { isStandard } from '../log/output.js';

/** Checks that the files of the logs can be written, without creating them. Adds problems to `check`. */
export function planLog(check: Checker, values: LogValues, fileOf: FileOf): LogSettings {
  const place = (option: 'output' | 'errors'): string => {
    const given = values[option];
    if (isStandard(given)) return given;
    return check.parsed(`log.${option}`, fileOf(given), given, checkWritable);
  };
  return { ...values, output: place('output'), errors: place('errors') };
}

function checkWritable(file: string): string {
  const place = existsSync(file) ? file : dirname(file);
  try {
    accessSync(place, constants.W_OK);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new TypeError(`cannot be written: ${reasons[code] ?? message}`, { cause: error });
  }
  return file;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such directory',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
};
