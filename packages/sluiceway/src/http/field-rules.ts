import { Fields } from './fields.js';

/** Field names and the values of their lines. All are checked. */
export type FieldValues = readonly (readonly [name: string, values: readonly string[]])[];

/** Lines to remove, to replace all others of their name, and to append, in that order. */
export interface FieldChanges {
  set?: FieldValues;
  append?: FieldValues;
  remove?: readonly string[];
}

/** Changes to the fields of every message, prepared once. Names match case-insensitively. */
export class FieldRules {
  /** In lower case. */
  readonly #removed: ReadonlySet<string>;
  /** `#removed` and the names that are set. Lines with these names never pass. */
  readonly #stopped: ReadonlySet<string>;
  readonly #added = new Fields();

  /** Throws a `TypeError` for an invalid name or value. */
  constructor({ set = [], append = [], remove = [] }: FieldChanges) {
    this.#removed = toNames(remove);
    this.#stopped = toNames([...remove, ...set.map(([name]) => name)]);
    for (const [name, values] of [...set, ...append]) {
      for (const value of values) this.#added.append(name, value);
    }
  }

  /** Applies the changes to a head that is forwarded. */
  apply(fields: Fields): void {
    this.stop(fields);
    fields.appendAll(this.#added);
  }

  /**
   * Removes the lines that `apply` removes, and adds nothing. For interim responses and trailers, through which a field
   * would otherwise still reach the recipient.
   */
  stop(fields: Fields): void {
    if (this.#stopped.size > 0) fields.retain((name) => !this.#stopped.has(name.toLowerCase()));
  }

  /**
   * Removes only the names to remove. For responses that the proxy generates: their own values take precedence over the
   * rules that set.
   */
  remove(fields: Fields): void {
    if (this.#removed.size > 0) fields.retain((name) => !this.#removed.has(name.toLowerCase()));
  }

  /**
   * Adds lines with names that the message does not have. A response of the proxy or of a hook keeps its own values.
   */
  complete(fields: Fields): void {
    const said = new Set(Array.from(fields, ([name]) => name.toLowerCase()));
    for (const [name, value] of this.#added) {
      if (!said.has(name.toLowerCase())) fields.append(name, value);
    }
  }
}

const toNames = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.map((name) => name.toLowerCase()));
