import { formatBytes, formatDuration, parseBytes, parseDurationMs } from '../units.js';

export interface OptionProblem {
  /** Path of the option, such as `timeouts.connect`. `''` for the options as a whole. */
  path: string;
  message: string;
}

/** Thrown once, at construction. Lists every problem with the options. */
export class OptionsError extends TypeError {
  override readonly name = 'OptionsError';
  readonly problems: readonly OptionProblem[];

  constructor(subject: string, problems: readonly OptionProblem[]) {
    const lines = problems.map(({ path, message }) => `\n  ${path === '' ? 'options' : path} ${message}`);
    super(`${subject}: ${problems.length === 1 ? 'an option is' : 'options are'} not valid${lines.join('')}`);
    this.problems = problems;
  }
}

/** The longest delay of `setTimeout`. A longer one fires immediately. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Checks options and collects all problems. Each method takes the path of the option, the value that the user gave, and
 * the result for undefined. If there is a problem, the result is not used, because `throwIfAny` throws.
 */
export class Checker {
  readonly subject: string;
  readonly #problems: OptionProblem[] = [];

  /** `subject` starts the error message: the name of the function that takes the options. */
  constructor(subject: string) {
    this.subject = subject;
  }

  /** The problems found so far. */
  get problems(): readonly OptionProblem[] {
    return this.#problems;
  }

  problem(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  throwIfAny(): void {
    if (this.#problems.length > 0) throw new OptionsError(this.subject, this.#problems);
  }

  /** Milliseconds, up to the longest delay of a timer (about 24 days). */
  duration<F>(
    path: string,
    value: unknown,
    fallback: F,
    limits: { min?: number; canBeOff?: boolean } = {},
  ): number | F {
    return this.#quantity(path, value, fallback, parseDurationMs, formatDuration, {
      ...limits,
      min: limits.min ?? 0,
      max: MAX_DELAY_MS,
    });
  }

  bytes<F>(
    path: string,
    value: unknown,
    fallback: F,
    limits: { min?: number; max?: number; canBeOff?: boolean } = {},
  ): number | F {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
    return this.#quantity(path, value, fallback, parseBytes, formatBytes, { ...limits, min, max });
  }

  integer<F>(
    path: string,
    value: unknown,
    fallback: F,
    limits: { min?: number; max?: number; canBeOff?: boolean } = {},
  ): number | F {
    if (value === undefined) return fallback;
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    return this.#refuse(
      path,
      `must be a whole number ${range}${orOff(limits)}, not ${show(value)}`,
      fallback,
    );
  }

  boolean<F>(path: string, value: unknown, fallback: F): boolean | F {
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    return this.#refuse(path, `must be true or false, not ${show(value)}`, fallback);
  }

  /** A non-empty string. Problems do not repeat its value, which may be a secret. */
  string<F>(path: string, value: unknown, fallback: F): string | F {
    if (value === undefined) return fallback;
    if (typeof value === 'string' && value !== '') return value;
    return this.#refuse(
      path,
      value === '' ? 'must not be empty' : `must be a string, not ${kindOf(value)}`,
      fallback,
    );
  }

  oneOf<const T extends string, F>(path: string, value: unknown, choices: readonly T[], fallback: F): T | F {
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const listed = choices.map((choice) => `'${choice}'`).join(', ');
    return this.#refuse(path, `must be one of ${listed}, not ${show(value)}`, fallback);
  }

  /** Keeps the type of a function: at run time, only whether it is a function can be checked. */
  func<T extends (...args: never[]) => unknown, F>(path: string, value: T | undefined, fallback: F): T | F {
    if (value === undefined) return fallback;
    if (typeof value === 'function') return value;
    return this.#refuse(path, `must be a function, not ${kindOf(value)}`, fallback);
  }

  /**
   * The result of `parse`. The message of an error that it throws becomes the problem, and should start with a verb.
   */
  parsed<V, T, F>(path: string, value: V | undefined, fallback: F, parse: (value: V) => T): T | F {
    if (value === undefined) return fallback;
    try {
      return parse(value);
    } catch (error) {
      return this.#refuse(path, messageOf(error), fallback);
    }
  }

  /** An array. Each item is checked under the path `path[index]`. Undefined is an empty array. */
  list<T>(path: string, value: unknown, checkItem: (path: string, item: unknown) => T): T[] {
    if (value === undefined) return [];
    if (Array.isArray(value))
      return value.map((item: unknown, index) => checkItem(`${path}[${index}]`, item));
    return this.#refuse(path, `must be an array, not ${kindOf(value)}`, []);
  }

  /** An object with arbitrary keys. Each entry is checked under the path `path.key`. Undefined is an empty object. */
  record<T>(path: string, value: unknown, checkEntry: (path: string, key: string, item: unknown) => T): T[] {
    if (value === undefined) return [];
    if (!this.isObject(path, value)) return [];
    return Object.entries(value).map(([key, item]) => checkEntry(`${path}.${key}`, key, item as unknown));
  }

  /** Reports an option without a default that is missing. */
  required(path: string, value: unknown): void {
    if (value === undefined) this.problem(path, 'is required');
  }

  /** Reports whether the value is an object. Anything else is a problem. */
  isObject(path: string, value: unknown): value is object {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return true;
    return this.#refuse(path, `must be an object, not ${kindOf(value)}`, false);
  }

  /** Reports whether the value is undefined or an object. Each unknown key is a problem. */
  unknownKeys(path: string, value: unknown, known: readonly string[]): boolean {
    if (value === undefined) return true;
    if (!this.isObject(path, value)) return false;
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue;
      const meant = findSimilar(key, known);
      const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
      this.problem(path === '' ? key : `${path}.${key}`, `is not an option${hint}`);
    }
    return true;
  }

  /** A group of options. If the value is not an object, the group is empty. Unknown keys are problems. */
  group<T extends object>(
    path: string,
    given: T | undefined,
    known: readonly (keyof T & string)[],
  ): Partial<T> {
    return this.unknownKeys(path, given, known) ? (given ?? {}) : {};
  }

  #quantity<F>(
    path: string,
    value: unknown,
    fallback: F,
    parse: (value: string | number) => number,
    format: (value: number) => string,
    limits: { min: number; max: number; canBeOff?: boolean },
  ): number | F {
    if (value === undefined) return fallback;
    let parsed: number;
    try {
      // The parser reports values of any other type.
      parsed = parse(value as string | number);
    } catch (error) {
      return this.#refuse(path, messageOf(error), fallback);
    }
    if (parsed < limits.min)
      return this.#refuse(path, `must be at least ${format(limits.min)}${orOff(limits)}`, fallback);
    if (parsed > limits.max) return this.#refuse(path, `must be at most ${format(limits.max)}`, fallback);
    return parsed;
  }

  #refuse<F>(path: string, message: string, fallback: F): F {
    this.problem(path, message);
    return fallback;
  }
}

const orOff = ({ canBeOff = false }: { canBeOff?: boolean }): string =>
  canBeOff ? ', or false to turn it off' : '';

/** Returns the known name that differs only by case, or by at most two edits (one for short names). */
function findSimilar(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = key.length <= 4 ? 2 : 3;
  for (const name of known) {
    const distance = editDistance(key.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** The Levenshtein distance: how many characters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const kindOf = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;

const show = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : kindOf(value);
