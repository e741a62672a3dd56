import type { OptionProblem } from 'sluiceway';

/** A configuration from a file or a command line, before it is checked. */
export interface ConfigSource {
  /** The value, with references to variables and files replaced. */
  readonly value: unknown;
  /** The same value with the references as written, to be shown. */
  readonly written: unknown;
  /** The directory for relative paths of files. */
  readonly directory: string;
  /** Creates the error for problems, in terms of the file or the flags. */
  toError(problems: readonly OptionProblem[]): Error;
  /** The same for a listener that could not be opened. If absent, the listener's own error is used. */
  toListenError?(path: string, error: Error): Error;
}
