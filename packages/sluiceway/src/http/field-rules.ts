import { Fields } from './fields.js';

/** Names with the values of their lines, all of them checked. */
export type FieldValues = readonly (readonly [name: string, values: readonly string[]])[];

/** Lines to remove, to put in the place of others of their name, and to add, in that order. */
export interface FieldChanges {
  set?: FieldValues;
  append?: FieldValues;
  remove?: readonly string[];
}

/** Changes to the fields of every message, made ready once. Names are matched without regard to case. */
export class FieldRules {
  /** In lower case. */
  readonly #removed: ReadonlySet<string>;
  /** `#removed` and the names that are set: lines of these never pass. */
  readonly #stopped: ReadonlySet<string>;
  readonly #added = new Fields();

  /** Throws a `TypeError` for a name or a value that is not valid. */
  constructor({ set = [], append = [], remove = [] }: FieldChanges) {
    this.#removed = toNames(remove);
    this.#stopped = toNames([...remove, ...set.map(([name]) => name)]);
    for (const [name, values] of [...set, ...append]) {
      for (const value of values) this.#added.append(name, value);
    }
  }

  /** Changes a head that is sent on. */
  apply(fields: Fields): void {
    this.stop(fields);
    fields.appendAll(this.#added);
  }

  /**
   * Removes what `apply` does not let pass, and adds nothing: for interim responses and trailers, by which a field
   * would reach its recipient all the same.
   */
  stop(fields: Fields): void {
    if (this.#stopped.size > 0) fields.retain((name) => !this.#stopped.has(name.toLowerCase()));
  }

  /** Only what is to be removed: from a message of our own, which says what it says instead of a rule. */
  remove(fields: Fields): void {
    if (this.#removed.size > 0) fields.retain((name) => !this.#removed.has(name.toLowerCase()));
  }

  /** Adds the lines whose name the message does not have: a message of our own or of a hook's keeps what it says. */
  complete(fields: Fields): void {
    const said = new Set(Array.from(fields, ([name]) => name.toLowerCase()));
    for (const [name, value] of this.#added) {
      if (!said.has(name.toLowerCase())) fields.append(name, value);
    }
  }
}

const toNames = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.map((name) => name.toLowerCase()));
