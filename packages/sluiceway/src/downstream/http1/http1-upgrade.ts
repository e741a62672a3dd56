import { createServer, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Outcome } from '../../errors.js';
import { Fields } from '../../http/fields.js';
import { decideRequestFraming } from '../../http/framing.js';
import { forgetConnection, takeOver } from './http1-connection.js';
import { lingeringCloseBare } from './lingering-close.js';
import { SizedContent } from './sized-content.js';

/** A request for another protocol, after the responses before it are sent. */
export interface Upgrade {
  readonly socket: Socket;
  /** What the client sends after its request. */
  readonly stream: Duplex;
  /** The content of the request. Usually empty. */
  readonly content: IncomingMessage | SizedContent;
  /** The response for an ordinary answer. The connection closes after it. */
  readonly response: ServerResponse;
}

/** Serves an ordinary request. */
export type Serve = (
  request: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
) => Promise<Outcome>;

/** Node's server reads the content of such requests since Node 26. Before, it leaves the connection untouched. */
const NODE_READS_CONTENT = Number.parseInt(process.versions.node, 10) >= 26;

/**
 * Takes the arguments of Node's `upgrade` event. `head` is what the client has sent right after the head of its request.
 * Returns the outcome if the client has left, or if `serve` has served the request. A server can ignore an Upgrade (RFC
 * 9110 section 7.8), and this does so for chunked content that Node does not read.
 */
export async function takeUpgrade(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  serve: Serve,
): Promise<Upgrade | Outcome> {
  // Node 26 passes a stream that begins after the content.
  const socket = (stream === request.socket ? stream : (request.socket ?? stream)) as Socket;
  stream.on('error', () => {});
  if (!(await takeOver(socket))) return 'client_aborted';
  const length = NODE_READS_CONTENT ? 0 : lengthOfContent(request);
  if (length === null) return serveAnew(request, socket, head, serve);
  const response = assignResponse(request, socket, head);
  const content = length > 0 ? new SizedContent(socket, length) : request;
  return { socket, stream, content, response };
}

/** Null for chunked content. 0 also for invalid framing, which is refused later. */
function lengthOfContent(request: IncomingMessage): number | null {
  try {
    const framing = decideRequestFraming('1.1', Fields.fromParser(request.rawHeaders));
    if (framing.kind === 'chunked') return null;
    return framing.kind === 'length' ? framing.length : 0;
  } catch {
    return 0;
  }
}

/**
 * Assigns a response to the bare socket of an `upgrade` event, until it becomes a tunnel. `head` is what the client has
 * sent right after its request. The connection closes after the response.
 */
export function assignResponse(request: IncomingMessage, socket: Socket, head: Buffer): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    // As Node's server does. The socket can stay open for a while after its response.
    response.emit('close');
    lingeringCloseBare(socket);
  });
  if (head.length > 0) socket.unshift(head);
  // Start reading, so that a reset is noticed while the proxy waits for the origin server.
  socket.read(0);
  return response;
}

/**
 * Lets Node read the request again, without its Upgrade. The connection closes after the response: a server that does
 * not listen has no timeout for slow heads.
 */
async function serveAnew(
  request: IncomingMessage,
  socket: Socket,
  head: Buffer,
  serve: Serve,
): Promise<Outcome> {
  const { method, url, rawHeaders } = request;
  const fields = Fields.fromParser(rawHeaders);
  const options = fields.list('connection').filter((option) => !/^(?:upgrade|http2-settings)$/i.test(option));
  for (const name of ['Upgrade', 'HTTP2-Settings', 'Connection']) fields.delete(name);
  fields.set('Connection', ['close', ...options].join(', '));
  let text = `${method} ${url} HTTP/1.1\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;

  const server = createServer({ requestTimeout: 0 });
  server.maxHeadersCount = 0;
  const served = new Promise<Outcome>((resolve) => {
    server.on('request', (again, response) => resolve(serve(again, response, false)));
    server.on('checkContinue', (again, response) => resolve(serve(again, response, true)));
    socket.once('close', () => resolve('client_aborted'));
  });
  forgetConnection(socket);
  server.emit('connection', socket);
  // Put the bytes back. The server reads them now, as from a new connection.
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  return served;
}
