import type { OptionProblem } from 'sluiceway';

/** A configuration that has been read and not been checked yet: of a file, or of a command line. */
export interface ConfigSource {
  /** With references to variables and files replaced. */
  readonly value: unknown;
  /** Relative paths of files begin here. */
  readonly directory: string;
  /** The error that tells of problems in the words of whoever wrote the configuration. */
  toError(problems: readonly OptionProblem[]): Error;
  /** The same for a listener that could not be opened; without it, the error is the listener's own. */
  toListenError?(path: string, error: Error): Error;
}
