import { type IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Fields, isFieldValue } from '../../http/fields.js';
import type { ResponseHead } from '../exchange.js';

/** Writes the head to Node's response. From here on, Node handles the framing fields. */
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
    // Restore the fields, so that the error response does not contain parts of the invalid head.
    for (const name of response.getHeaderNames()) if (!(name in before)) response.removeHeader(name);
    for (const [name, value] of Object.entries(before))
      if (value !== undefined) response.setHeader(name, value);
    throw error;
  }
}

/** The property in which Node keeps fields that were set one by one, even after all are removed. Not public. */
const OUT_HEADERS = Object.getOwnPropertySymbols(new ServerResponse({} as IncomingMessage)).find(
  ({ description }) => description === 'kOutHeaders',
);

/** Whether no other code has set a field of the response or replaced `writeHead`. */
const isUntouched = (response: ServerResponse): boolean =>
  response.writeHead === ServerResponse.prototype.writeHead &&
  OUT_HEADERS !== undefined &&
  (Reflect.get(response, OUT_HEADERS) ?? null) === null;

/**
 * The fields as an object, by name with all lines, for a response whose fields middleware has set or will set. From a raw
 * list, Node would keep only the last line of each name, and on-headers before 1.1, which much middleware uses, only the
 * first two letters of each name and value. The proxy's framing fields take precedence.
 */
function toMerge(response: ServerResponse, fields: Fields): OutgoingHttpHeaders {
  // Only if it is there: Node treats removing an absent field as a request to send none.
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

/** Moves Content-Length to the end: Node refuses bytes above 0x7F in a Content-Disposition that follows it. */
function putLengthLast(fields: Fields): void {
  const length = fields.get('content-length');
  if (length !== undefined) fields.delete('content-length').append('Content-Length', length);
}

/** Most queued bytes for a client that does not read, above which interim responses are dropped. */
const MAX_QUEUED_INTERIM_BYTES = 256 * 1024;

/**
 * Writes an interim response to the socket: Node's own methods take no fields, or require certain ones. Drops it if the
 * client does not read: otherwise memory would grow for as long as the origin server sends interim responses.
 */
export function writeInterim(socket: Socket, head: ResponseHead): void {
  if (socket.writableLength >= MAX_QUEUED_INTERIM_BYTES) return;
  const text = `HTTP/1.1 ${head.status} ${head.statusText}\r\n${formatFields(head.headers)}\r\n`;
  socket.write(text, 'latin1');
}

/** The 101 for the client. Write it as latin1. Throws a `TypeError` if the phrase is not valid. */
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

/** Lists Upgrade in Connection, without which it has no effect. HTTP/1.0 has no Upgrade (RFC 9110 section 7.8). */
export function offerUpgrade(fields: Fields, httpVersion: string, closes: boolean): void {
  if (httpVersion === '1.0') fields.delete('Upgrade');
  else if (fields.has('upgrade')) fields.set('Connection', closes ? 'Upgrade, close' : 'Upgrade');
}
