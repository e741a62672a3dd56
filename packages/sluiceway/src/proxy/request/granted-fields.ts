import type { Fields } from '../../http/fields.js';
import type { Profile } from '../options/profiles.js';

/** The request fields that the access policy sets, and no client. */
export class GrantedFields {
  readonly #names: ReadonlySet<string>;
  readonly #values: readonly (readonly [name: string, value: string | readonly string[]])[];

  constructor(
    names: readonly string[],
    values: readonly (readonly [name: string, value: string | readonly string[]])[],
  ) {
    this.#values = values;
    this.#names = new Set([...names, ...values.map(([name]) => name)].map(toComparable));
  }

  /** Removes the client's own fields of these names, also if they have the value of one that is not set. */
  removeFrom(fields: Fields): void {
    fields.retain((name) => !this.#names.has(toComparable(name)));
  }

  /** Sets the values of those fields that the profile sends. */
  setOn(fields: Fields, allowed: Profile['requestHeaders']): void {
    for (const [name, value] of this.#values) {
      if (allowed === 'all' || allowed.has(name.toLowerCase())) fields.set(name, value);
    }
  }
}

/** Null if no field is set and none is removed. `identityField` is the name of the field for the identity. */
export function toGrantedFields(
  ownFields: readonly string[],
  headers: Readonly<Record<string, string | readonly string[]>>,
  identityField: string | null,
  identity: string | null,
): GrantedFields | null {
  const values = Object.entries(headers);
  const names = [...ownFields];
  if (identityField !== null) {
    names.push(identityField);
    if (identity !== null) values.push([identityField, toFieldValue(identity)]);
  }
  return names.length === 0 && values.length === 0 ? null : new GrantedFields(names, values);
}

/** Origin servers read `X_User` as `X-User` (RFC 3875 section 4.1.18). */
const toComparable = (name: string): string => name.toLowerCase().replaceAll('_', '-');

/**
 * A name as a field value: UTF-8, each byte as one character, as programs in other languages expect. Control characters,
 * which a field cannot have, are percent-encoded.
 */
function toFieldValue(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return bytes.replaceAll(/\p{Cc}/gu, (char) => {
    const code = char.charCodeAt(0);
    return code > 0x7f ? char : `%${code.toString(16).padStart(2, '0')}`;
  });
}
