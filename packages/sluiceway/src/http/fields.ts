/** RFC 9110 section 5.6.2: a field name is a token. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export const isToken = (text: string): boolean => TOKEN.test(text);

/**
 * RFC 9110 section 5.5, read as latin1: tab, visible ASCII and obs-text (0x80 to 0xFF). Anything above 0xFF would be
 * cut to its low byte when it is written, and that byte may be CR or LF. A loop, because it runs for every field line
 * both ways and a regular expression showed among the dearest of our own functions.
 */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return true;
}

const ALL_BITS = -1;

/** One of 32 bits: the same for all spellings of a name, and different for most names. */
const bitOf = (name: string): number => 1 << (name.length * 5 + (name.charCodeAt(0) | 0x20));

/** The reading half of `Fields`: what a hook gets of a message that it may not change. */
export interface ReadonlyFields extends Iterable<readonly [name: string, value: string]> {
  /** How many field lines. */
  readonly size: number;
  has(name: string): boolean;
  /** The first value, or undefined. */
  get(name: string): string | undefined;
  /** One entry a field line, in order. */
  getAll(name: string): string[];
  /** The members of a comma-separated list over all lines, trimmed, without empty ones. Not for quoted strings. */
  list(name: string): string[];
  /** Alternating names and values as Node's `rawHeaders`. Not a copy: do not change it. */
  readonly raw: readonly string[];
  clone(): Fields;
}

/**
 * Header or trailer fields: ordered, with repeats, spelled as they came (RFC 9110 section 5). Names are matched
 * without regard to case. Setting an invalid name or value throws a `TypeError`, so that no field can split a
 * message.
 */
export class Fields implements ReadonlyFields {
  #raw: string[];
  /** `bitOf` of all names, and perhaps of more. All bits, until somebody asks for a name. */
  #bits = ALL_BITS;

  /** Takes alternating names and values; they are checked. */
  constructor(raw: readonly string[] = []) {
    this.#raw = [];
    for (let i = 0; i + 1 < raw.length; i += 2) this.append(raw[i] as string, raw[i + 1] as string);
  }

  /** Adopts a list that a strict parser has already checked. The list belongs to the new object. */
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
    const lower = name.toLowerCase();
    for (let i = 0; i < this.#raw.length; i += 2) {
      if (isNamed(this.#raw[i] as string, lower)) values.push(this.#raw[i + 1] as string);
    }
    return values;
  }

  list(name: string): string[] {
    const members: string[] = [];
    for (const value of this.getAll(name)) {
      for (const member of value.split(',')) {
        const trimmed = member.trim();
        if (trimmed !== '') members.push(trimmed);
      }
    }
    return members;
  }

  /** Replaces all lines of that name; the first one's place is kept. An empty list removes them. */
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

  /** Adds one line at the end. */
  append(name: string, value: string): this {
    checkName(name);
    checkValue(name, value);
    this.#push(name, value);
    return this;
  }

  /** Gives each line of that name the value that `rewrite` makes of its own; its place and spelling stay. */
  rewrite(name: string, rewrite: (value: string) => string): this {
    const lower = name.toLowerCase();
    for (let i = this.#indexOf(name); i >= 0 && i < this.#raw.length; i += 2) {
      if (!isNamed(this.#raw[i] as string, lower)) continue;
      const value = rewrite(this.#raw[i + 1] as string);
      if (value === this.#raw[i + 1]) continue;
      checkValue(name, value);
      this.#raw[i + 1] = value;
    }
    return this;
  }

  /** Adds all lines of another message at the end. They have been checked when they were set there. */
  appendAll(fields: Fields): this {
    for (const text of fields.raw) this.#raw.push(text);
    this.#bits = ALL_BITS;
    return this;
  }

  delete(name: string): this {
    if (this.#indexOf(name) < 0) return this;
    const lower = name.toLowerCase();
    return this.retain((each) => !isNamed(each, lower));
  }

  /** Keeps the lines for which `keep` says so; it is given the name as it is spelled. */
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
    const lower = name.toLowerCase();
    for (let i = from; i < this.#raw.length; i += 2) {
      if (isNamed(this.#raw[i] as string, lower)) return i;
    }
    return -1;
  }
}

/** Whether `name` is, in whatever case, the name that `lower` gives in lower case. */
export function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower);
}

function checkName(name: string): void {
  if (!TOKEN.test(name)) throw new TypeError(`Invalid field name ${JSON.stringify(name)}`);
}

function checkValue(name: string, value: string): void {
  // Node coerces silently; a number or undefined here is a mistake of the caller that should be seen.
  if (typeof value !== 'string') throw new TypeError(`The value of field ${name} must be a string`);
  if (!isFieldValue(value)) throw new TypeError(`Invalid character in the value of field ${name}`);
}
