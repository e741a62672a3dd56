import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Fields, isFieldValue } from '../../http/fields.js';
import type { ResponseHead } from '../exchange.js';

/** Writes the head to Node's response; its framing fields are Node's from here on. */
export function writeHead(response: ServerResponse, head: ResponseHead): void {
  const disposition = head.headers.get('content-disposition');
  if (disposition !== undefined && NON_ASCII.test(disposition)) putLengthLast(head.headers);
  if (isUntouched(response)) {
    response.writeHead(head.status, head.statusText, head.headers.raw as string[]);
    return;
  }
  const before = response.getHeaders();
  try {
    response.writeHead(head.status, head.statusText, toMerge(response, head.headers));
  } catch (error) {
    // Nothing of a head that cannot be sent shall stand in the one that tells of it.
    for (const name of response.getHeaderNames()) if (!(name in before)) response.removeHeader(name);
    for (const [name, value] of Object.entries(before))
      if (value !== undefined) response.setHeader(name, value);
    throw error;
  }
}

/** Where Node keeps fields that were set one by one, also when all were removed again; it is not public. */
const OUT_HEADERS = Object.getOwnPropertySymbols(new ServerResponse({} as IncomingMessage)).find(
  ({ description }) => description === 'kOutHeaders',
);

/** Nobody has set a field of the response, nor will see what is set. */
const isUntouched = (response: ServerResponse): boolean =>
  response.writeHead === ServerResponse.prototype.writeHead &&
  OUT_HEADERS !== undefined &&
  (Reflect.get(response, OUT_HEADERS) ?? null) === null;

/**
 * The fields for a response of which middleware has set some, or wants to: by name, with all lines of it. Of a list as
 * Node's parser gives it, Node would keep the last line of a name alone, and versions of on-headers before 1.1, which
 * are in many middlewares, the first two letters of each name and value. What frames the response is ours to say.
 */
function toMerge(response: ServerResponse, fields: Fields): OutgoingHttpHeaders {
  // Node takes the removal of what is not there for the wish to have none.
  const contradicting = fields.has('content-length') ? 'transfer-encoding' : 'content-length';
  if (response.hasHeader(contradicting)) response.removeHeader(contradicting);
  const lines = new Map<string, [name: string, value: string | string[]]>();
  for (const [name, value] of fields) {
    const same = lines.get(name.toLowerCase());
    if (same === undefined) lines.set(name.toLowerCase(), [name, value]);
    else same[1] = [same[1], value].flat();
  }
  return Object.fromEntries(lines.values());
}

const NON_ASCII = /[\x80-\xff]/;

/** Node refuses bytes above 0x7F in a Content-Disposition that comes after Content-Length. */
function putLengthLast(fields: Fields): void {
  const length = fields.get('content-length');
  if (length !== undefined) fields.delete('content-length').append('Content-Length', length);
}

/** What may wait for a client that does not read. */
const MAX_QUEUED_INTERIM_BYTES = 256 * 1024;

/**
 * Writes an interim response to the socket: Node's own methods take no fields, or insist on some. A client that does not
 * read misses some, or the memory that holds them would grow for as long as the origin server sends them.
 */
export function writeInterim(socket: Socket, head: ResponseHead): void {
  if (socket.writableLength >= MAX_QUEUED_INTERIM_BYTES) return;
  const text = `HTTP/1.1 ${head.status} ${head.statusText}\r\n${formatFields(head.headers)}\r\n`;
  socket.write(text, 'latin1');
}

/** The 101 for the client, to be written as latin1. Throws a `TypeError` for a phrase that is more than one. */
export function formatSwitchingProtocols(head: ResponseHead, protocol: string): string {
  if (!isFieldValue(head.statusText)) throw new TypeError('Invalid character in a status phrase');
  const start = `HTTP/1.1 101 ${head.statusText}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  return `${start}${formatFields(head.headers)}\r\n`;
}

function formatFields(fields: Fields): string {
  let text = '';
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return text;
}

/** An Upgrade counts only where Connection names it; HTTP/1.0 has none (RFC 9110 section 7.8). */
export function offerUpgrade(fields: Fields, httpVersion: string, closes: boolean): void {
  if (httpVersion === '1.0') fields.delete('Upgrade');
  else if (fields.has('upgrade')) fields.set('Connection', closes ? 'Upgrade, close' : 'Upgrade');
}
