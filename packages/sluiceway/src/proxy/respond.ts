import type { ServerResponse } from 'node:http';
import type { Fields } from '../http/fields.js';
import { retainTrailers } from '../http/trailers.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import { MeteredSource } from '../stream/metered-source.js';
import type { InterimResponse } from '../upstream/transport.js';
import { ResponseSink } from './response-sink.js';
import type { Transfer } from './transfer.js';

/** A response head that is about to be sent. */
export interface ResponseHead {
  status: number;
  statusText: string;
  fields: Fields;
}

/** Whether a response has no content, whatever its fields say (RFC 9110 section 6.4.1). */
export const isContentless = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304 || status < 200;

/**
 * Writes the head to Node's response; its framing fields are Node's from here on. Throws for what a hook has made no
 * final response of.
 */
export function writeHead(response: ServerResponse, head: ResponseHead): void {
  if (head.status < 200) throw new TypeError(`A response needs a final status, not ${head.status}`);
  const disposition = head.fields.get('content-disposition');
  if (disposition !== undefined && NON_ASCII.test(disposition)) putLengthLast(head.fields);
  response.writeHead(head.status, head.statusText, head.fields.raw as string[]);
}

const NON_ASCII = /[\x80-\xff]/;

/** Node refuses bytes above 0x7F in a Content-Disposition that comes after Content-Length. */
function putLengthLast(fields: Fields): void {
  const length = fields.get('content-length');
  if (length !== undefined) fields.delete('content-length').append('Content-Length', length);
}

/**
 * Sends an interim response (1xx) at once. Written to the socket, because Node's own methods take no fields or
 * insist on some. HTTP/1.0 has no interim responses.
 */
export function writeInterim(response: ServerResponse, head: InterimResponse): void {
  const { socket } = response;
  if (socket === null || response.headersSent || response.req.httpVersion === '1.0') return;
  let text = `HTTP/1.1 ${head.status} ${head.statusText}\r\n`;
  for (const [name, value] of head.fields) text += `${name}: ${value}\r\n`;
  socket.write(`${text}\r\n`, 'latin1');
}

/**
 * Relays content to the client. Settles when the last of it has been handed to the response; rejects when the
 * source fails or the transfer is aborted.
 */
export function relayContent(
  transfer: Transfer,
  response: ServerResponse,
  content: ChunkSource,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const metered = new MeteredSource(content, transfer.meterDownload());
    const sink = new ResponseSink(response, () => retainTrailers(content.trailers), resolve, reject);
    transfer.onAborted((error) => {
      metered.cancel();
      reject(error);
    });
    metered.start(sink);
    sink.flushHead();
  });
}

/**
 * Breaks a response off so that the client can tell: the connection is closed without the end of the message.
 * Where only the close would tell the end, it must not look like one, so it is a reset; a TLS socket sends no
 * close_notify when it is destroyed.
 */
export function breakOff(response: ServerResponse, delimitedByClose: boolean): void {
  // A head that was written in this turn of the event loop has not left yet, and an empty reply tells less than it.
  if (response.socket?.writableCorked) setImmediate(breakOffNow, response, delimitedByClose);
  else breakOffNow(response, delimitedByClose);
}

function breakOffNow(response: ServerResponse, delimitedByClose: boolean): void {
  const { socket } = response;
  if (socket !== null && delimitedByClose && !('encrypted' in socket)) socket.resetAndDestroy();
  response.destroy();
}

/**
 * For content that ends with the connection: Node's server ends our side as soon as the client has ended its own,
 * and a response that is under way would seem complete. It is broken off before.
 */
export function breakOffAtClientEnd(response: ServerResponse): void {
  const { socket } = response.req;
  socket.prependOnceListener('end', () => {
    if (!response.writableEnded) breakOffNow(response, true);
  });
}
