import { randomUUID } from 'node:crypto';
import type { ReadonlyFields } from '../../http/fields.js';
import type { RequestIdValues } from '../options/request-id-option.js';

export interface RequestIds {
  /** The field in which trusted proxies send ids; null if it is not used. */
  field: string | null;
  /** The id of a request that comes without a usable one. */
  made: string;
}

/** Makes the id of a request. `id` is used if the field is not. */
export const makeRequestId = (settings: RequestIdValues | null, id: string): RequestIds =>
  settings === null ? { field: null, made: id } : { field: settings.field, made: randomUUID() };

/**
 * The id in the field of a trusted proxy; null if there is none, or none that is fit for logs and other fields: up to 128
 * visible ASCII characters, in one line.
 */
export function readRequestId(headers: ReadonlyFields, field: string): string | null {
  const [value, ...others] = headers.getAll(field);
  return value !== undefined && others.length === 0 && /^[\x21-\x7e]{1,128}$/.test(value) ? value : null;
}
