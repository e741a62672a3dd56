import type { OptionProblem } from 'sluiceway';

/** A position in a file. Both members count from 1. */
export interface Position {
  line: number;
  column: number;
}

export interface PlacedProblem extends OptionProblem {
  /** Null if the problem has no position in the file. */
  position: Position | null;
}

/** A configuration that cannot be used. The message has a line for each problem, `file:line:column: path message`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly file: string;
  readonly problems: readonly PlacedProblem[];

  constructor(file: string, problems: readonly PlacedProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join('\n'));
    this.file = file;
    this.problems = problems;
  }
}

function formatProblem(file: string, { path, message, position }: PlacedProblem): string {
  const place = position === null ? file : `${file}:${position.line}:${position.column}`;
  return `${place}: ${path === '' ? '' : `${path} `}${message}`;
}
