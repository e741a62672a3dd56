/** How `sluiceway get` ends. Scripts depend on the numbers: they never change. */
export const exitCodes = {
  complete: 0,
  failed: 1,
  usage: 2,
  network: 3,
  status: 4,
  digest: 5,
  changed: 6,
  disk: 7,
  exists: 8,
} as const;

export type GetOutcome = keyof typeof exitCodes | 'interrupted';

interface GetErrorOptions {
  cause?: unknown;
  /** Another attempt may succeed. Default false. */
  isTransient?: boolean;
  /** When the server wants the next request at the earliest. Default: not known. */
  retryAfterMs?: number | null;
  /** The bytes so far are wrong, and must not be continued. Default false. */
  discards?: boolean;
  /** The status that the server answered with. Default: none. */
  status?: number | null;
}

/** Why a file could not be downloaded. The message is for the user. */
export class GetError extends Error {
  override readonly name = 'GetError';
  readonly outcome: GetOutcome;
  readonly isTransient: boolean;
  readonly discards: boolean;
  readonly retryAfterMs: number | null;
  readonly status: number | null;

  constructor(outcome: GetOutcome, message: string, options: GetErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.outcome = outcome;
    this.isTransient = options.isTransient ?? false;
    this.discards = options.discards ?? false;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.status = options.status ?? null;
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such directory',
  ENOTDIR: 'a part of its path is not a directory',
  EISDIR: 'it is a directory',
  ELOOP: 'it is a symbolic link',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is exhausted',
  EFBIG: 'the file would be larger than the system allows',
  EIO: 'the device failed',
  ENAMETOOLONG: 'the name is too long',
  EPIPE: 'the reader has closed the pipe',
};

/** The error of an operation on a file. */
export function diskError(verb: 'read' | 'write', file: string, cause: unknown): GetError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new GetError('disk', `cannot ${verb} ${file}: ${reasons[code] ?? message}`, { cause });
}
