import type { ReadonlyFields } from './fields.js';

/** Printable ASCII: look-alikes such as the Kelvin sign must not become a protocol's name on the way. */
const PRINTABLE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * The protocols that a request asks its connection to change to (RFC 9110 section 7.8), or null: there is no
 * `Upgrade` that `Connection` confirms, or it is HTTP/1.0. `h2c` is never among them: behind it a client could
 * speak to the origin server past every rule of ours.
 */
export function wantedProtocol(httpVersion: string, fields: ReadonlyFields): string | null {
  if (httpVersion === '1.0' || !fields.has('upgrade')) return null;
  if (!fields.list('connection').some((option) => option.toLowerCase() === 'upgrade')) return null;
  const wanted = listProtocols(fields);
  if (wanted.length === 0 || !wanted.every((protocol) => PRINTABLE.test(protocol))) return null;
  return wanted.join(', ');
}

/**
 * What a 426 offers, for its client: a response of that status must have it (RFC 9110 section 15.5.22). `''` where
 * there is nothing that we would pass on.
 */
export function offeredProtocols(fields: ReadonlyFields): string {
  return listProtocols(fields)
    .filter((protocol) => PRINTABLE.test(protocol))
    .join(', ');
}

const listProtocols = (fields: ReadonlyFields): string[] =>
  fields.list('upgrade').filter((protocol) => protocol.toLowerCase() !== 'h2c');

/** Whether the protocol that the origin server switched to is one of those that were asked for. */
export function isAgreed(wanted: string, switchedTo: string | undefined): boolean {
  if (switchedTo === undefined || !PRINTABLE.test(switchedTo)) return false;
  const chosen = switchedTo.toLowerCase();
  return wanted.split(',').some((protocol) => protocol.trim().toLowerCase() === chosen);
}
