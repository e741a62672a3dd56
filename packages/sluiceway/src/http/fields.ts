/** RFC 9110 section 5.6.2: a field name is a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const isToken = (text: string): boolean => TOKEN.test(text);

/**
 * RFC 9110 section 5.5, read as Latin-1: tab, visible ASCII and obs-text (0x80 to 0xFF). Anything above 0xFF is
 * refused, because it would be truncated to its low byte when written, which may be CR or LF. This is a loop because it
 * runs for every field line, and a regular expression is slower.
 */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}

const ALL_BITS = -1;

/** Maps a name to one of 32 bits. All spellings of a name have the same bit; most names have different ones. */
const bitOf = (name: string): number => 1 << (name.length * 5 + (name.charCodeAt(0) | 0x20));

/** Read-only fields, as hooks get them for messages that they must not change. */
export interface ReadonlyFields extends Iterable<readonly [name: string, value: string]> {
  /** The number of field lines. */
  readonly size: number;
  has(name: string): boolean;
  /** Returns the first value, or undefined. */
  get(name: string): string | undefined;
  /** Returns one entry per field line, in order. */
  getAll(name: string): string[];
  /**
   * Returns the members of a comma-separated list from all lines, trimmed, without empty ones. Not for quoted strings.
   */
  list(name: string): string[];
  /** Alternating names and values, like Node's `rawHeaders`. This is not a copy: do not change it. */
  readonly raw: readonly string[];
  clone(): Fields;
}

/**
 * Header or trailer fields. Order, repeated lines and spelling are kept (RFC 9110 section 5). Names match
 * case-insensitively. Setting an invalid name or value throws a `TypeError`, so a field cannot split a message.
 */
export class Fields implements ReadonlyFields {
  #raw: string[];
  /** The bits of all names, possibly of more. All bits are set until the first lookup. */
  #bits = ALL_BITS;

  /** Takes alternating names and values, and checks them. */
  constructor(raw: readonly string[] = []) {
    this.#raw = [];
    for (let i = 0; i + 1 < raw.length; i += 2) this.append(raw[i] as string, raw[i + 1] as string);
  }

  /** Adopts a list that a strict parser has already checked. The new object owns the list. */
  static fromParser(raw: string[]): Fields {
    const fields = new Fields();
    fields.#raw = raw;
    return fields;
  }

  get raw(): readonly string[] {
    return this.#raw;
  }

  get size(): number {
    return this.#raw.length / 2;
  }

  has(name: string): boolean {
    return this.#indexOf(name) >= 0;
  }

  get(name: string): string | undefined {
    const index = this.#indexOf(name);
    return index < 0 ? undefined : this.#raw[index + 1];
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    if (!this.#mayHave(name)) return values;
    for (let i = 0; i < this.#raw.length; i += 2) {
      if (isNamed(this.#raw[i] as string, name)) values.push(this.#raw[i + 1] as string);
    }
    return values;
  }

  list(name: string): string[] {
    const members: string[] = [];
    if (!this.#mayHave(name)) return members;
    for (const value of this.getAll(name)) {
      for (const member of value.split(',')) {
        const trimmed = member.trim();
        if (trimmed !== '') members.push(trimmed);
      }
    }
    return members;
  }

  /** Replaces all lines of that name, at the position of the first one. An empty list removes them. */
  set(name: string, value: string | readonly string[]): this {
    const values = typeof value === 'string' ? [value] : value;
    checkName(name);
    for (const each of values) checkValue(name, each);
    const at = this.#indexOf(name);
    if (at < 0) {
      for (const each of values) this.#push(name, each);
      return this;
    }
    if (values.length === 1 && this.#indexOf(name, at + 2) < 0) {
      this.#raw[at] = name;
      this.#raw[at + 1] = values[0] as string;
      return this;
    }
    this.delete(name);
    this.#raw.splice(at, 0, ...values.flatMap((each) => [name, each]));
    return this;
  }

  /** Appends one line. */
  append(name: string, value: string): this {
    checkName(name);
    checkValue(name, value);
    this.#push(name, value);
    return this;
  }

  /**
   * Replaces the value of each line of that name by the result of `rewrite`. Position and spelling of the name stay.
   */
  rewrite(name: string, rewrite: (value: string) => string): this {
    for (let i = this.#indexOf(name); i >= 0 && i < this.#raw.length; i += 2) {
      if (!isNamed(this.#raw[i] as string, name)) continue;
      const value = rewrite(this.#raw[i + 1] as string);
      if (value === this.#raw[i + 1]) continue;
      checkValue(name, value);
      this.#raw[i + 1] = value;
    }
    return this;
  }

  /** Appends all lines of another message. They were checked when they were set there. */
  appendAll(fields: Fields): this {
    for (const text of fields.raw) this.#raw.push(text);
    this.#bits = ALL_BITS;
    return this;
  }

  delete(name: string): this {
    if (this.#indexOf(name) < 0) return this;
    return this.retain((each) => !isNamed(each, name));
  }

  /** Keeps the lines for which `keep` returns true. `keep` gets the name in its original spelling. */
  retain(keep: (name: string, value: string) => boolean): this {
    const raw = this.#raw;
    let kept = 0;
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i] as string;
      const value = raw[i + 1] as string;
      if (!keep(name, value)) continue;
      raw[kept] = name;
      raw[kept + 1] = value;
      kept += 2;
    }
    raw.length = kept;
    return this;
  }

  clone(): Fields {
    return Fields.fromParser(this.#raw.slice());
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let i = 0; i < this.#raw.length; i += 2) yield [this.#raw[i] as string, this.#raw[i + 1] as string];
  }

  #push(name: string, value: string): void {
    this.#raw.push(name, value);
    this.#bits |= bitOf(name);
  }

  /** Most questions of the data path are for fields that a message has not: these need no look at its names. */
  #mayHave(name: string): boolean {
    if (this.#bits === ALL_BITS) {
      let bits = 0;
      for (let i = 0; i < this.#raw.length; i += 2) bits |= bitOf(this.#raw[i] as string);
      this.#bits = bits;
    }
    return (this.#bits & bitOf(name)) !== 0;
  }

  #indexOf(name: string, from = 0): number {
    if (!this.#mayHave(name)) return -1;
    for (let i = from; i < this.#raw.length; i += 2) {
      if (isNamed(this.#raw[i] as string, name)) return i;
    }
    return -1;
  }
}

/**
 * Compares two names, ignoring letter case. Names are ASCII. A loop, because `toLowerCase` is a call into the runtime for
 * each name of a message.
 */
export function isNamed(name: string, other: string): boolean {
  if (name.length !== other.length) return false;
  for (let i = 0; i < name.length; i += 1) {
    const a = name.charCodeAt(i);
    const b = other.charCodeAt(i);
    if (a !== b && ((a ^ b) !== CASE_BIT || !isLetter(a | CASE_BIT))) return false;
  }
  return true;
}

/** The bit in which ASCII letters of different case differ. */
const CASE_BIT = 0x20;

const isLetter = (lowerCode: number): boolean => lowerCode >= 0x61 && lowerCode <= 0x7a;

function checkName(name: string): void {
  if (!TOKEN.test(name)) throw new TypeError(`Invalid field name ${JSON.stringify(name)}`);
}

function checkValue(name: string, value: string): void {
  // Node coerces silently. A number or undefined is a mistake of the caller and must be reported.
  if (typeof value !== 'string') throw new TypeError(`The value of field ${name} must be a string`);
  if (!isFieldValue(value)) throw new TypeError(`Invalid character in the value of field ${name}`);
}
