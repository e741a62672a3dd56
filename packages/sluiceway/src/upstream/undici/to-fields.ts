import { Fields } from '../../http/fields.js';
import type { RawFields } from './dispatcher.js';

/** Converts fields. Keeps order and spelling; each byte becomes one character. Throws a `TypeError`. */
export function toFields(raw: RawFields): Fields {
  const flat = isList(raw) ? raw : Object.entries(raw).flatMap(([name, value]) => [name, value ?? []]);
  const fields = new Fields();
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const value = flat[i + 1] ?? '';
    const name = toText(flat[i] as Buffer | string);
    if (typeof value === 'string' || Buffer.isBuffer(value)) fields.append(name, toText(value));
    else for (const each of value as readonly (Buffer | string)[]) fields.append(name, toText(each));
  }
  return fields;
}

const isList = (raw: RawFields): raw is Extract<RawFields, readonly unknown[]> => Array.isArray(raw);

/** Restores the bytes of a string that was decoded as UTF-8. */
function toText(text: Buffer | string): string {
  if (typeof text !== 'string') return text.toString('latin1');
  return /[^\0-\xff]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}
