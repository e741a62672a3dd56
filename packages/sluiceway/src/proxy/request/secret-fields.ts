import type { ReadonlyFields } from '../../http/fields.js';
import { isForwardingField } from '../../http/forwarded.js';
import type { RequestState } from './request-state.js';

/** Fields that select a representation or describe the client. Other servers need them too, and they grant no access. */
const NOT_SECRET: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'cdn-loop',
  'early-data',
  'host',
  'max-forwards',
  'pragma',
  'prefer',
  'priority',
  'range',
  'te',
  'traceparent',
  'tracestate',
  'user-agent',
  'via',
  'want-content-digest',
  'want-repr-digest',
]);

/**
 * Returns the names of the fields that are sent only to the origin of the request's own target: those of the selection
 * (a link's), and those that options or a hook have added or changed, which can be keys with any name. Fields that the
 * client has sent are not included.
 */
export function secretFields({ selection, clientFields }: RequestState, fields: ReadonlyFields): string[] {
  const ofSelection = Object.keys(selection?.headers ?? {});
  if (clientFields === null) return ofSelection;
  const names = new Set(Array.from(fields, ([name]) => name.toLowerCase()));
  const ofOurs = [...names].filter((name) => {
    if (NOT_SECRET.has(name) || name.startsWith('if-') || name.startsWith('content-')) return false;
    return !isForwardingField(name) && !isSame(fields.getAll(name), clientFields.getAll(name));
  });
  return [...ofSelection, ...ofOurs];
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, index) => value === other[index]);
