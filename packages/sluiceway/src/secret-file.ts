import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Bits of a file's mode: others may read or write it. */
const OPEN_TO_OTHERS = 0o006;

/**
 * Reads a text file in UTF-8 that holds secrets, and warns where other users of the machine can read or change it.
 * Throws a `TypeError` with the words for a problem of an option.
 */
export function readSecretFile(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = readFileSync(descriptor);
      // Windows has no such bits; what Node gives there says nothing.
      const isOpen = process.platform !== 'win32' && (fstatSync(descriptor).mode & OPEN_TO_OTHERS) !== 0;
      if (isOpen) warnOfOpenFile(file);
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not in UTF-8' : code;
    throw new TypeError(`names a file that cannot be read: ${reason}`, { cause: error });
  }
}

function warnOfOpenFile(file: string): void {
  process.emitWarning(
    `Other users of the machine can read or change the secrets in ${file}: give it the mode 600`,
    'SluicewaySecretFileWarning',
  );
}
