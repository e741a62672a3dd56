import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { seededBytes } from '../../support/content.js';
import type { Network } from '../../support/fixture.js';
import { switching } from '../../support/web-socket-origin.js';
import { Gate } from './gate.js';

export type OriginProtocol = 'http1' | 'http2';

/** The file that all servers have. */
const FILE_BYTES = 300_000;
export const file = seededBytes('group-laboratory', 0, FILE_BYTES);
/** A server of another version has this one, with another entity tag. */
export const otherFile = seededBytes('group-laboratory-2', 0, FILE_BYTES);

/** What became of an upload at one server. */
interface Received {
  id: string;
  bytes: number;
  isComplete: boolean;
}

/** One server of the group, with a gate in front of it. */
export interface FarmServer {
  gate: Gate;
  url: string;
  /** How requests are answered. */
  answers: 'well' | 'busy' | 'other version';
  /** The uploads that have begun to arrive. */
  received: Received[];
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

/** Starts servers that have the same file, take uploads and echo WebSockets. */
export async function startFarm(net: Network, protocol: OriginProtocol, count = 3): Promise<FarmServer[]> {
  return Promise.all(Array.from({ length: count }, () => startFarmServer(net, protocol)));
}

async function startFarmServer(net: Network, protocol: OriginProtocol): Promise<FarmServer> {
  const ends: (() => void)[] = [];
  const server: Server | Http2Server = protocol === 'http1' ? createServer() : createHttp2Server();
  server.on('request', (request: Request, response: Response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    // Reading an upload fails if the proxy gives it up. That is what the laboratory is about.
    answer(farmServer, request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => echo(farmServer, request, socket));
  server.on('session', (session: { on(event: 'error', listener: () => void): void; destroy(): void }) => {
    session.on('error', () => {});
    ends.push(() => session.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const gate = new Gate((server.address() as AddressInfo).port);
  await gate.open();
  const farmServer: FarmServer = {
    gate,
    url: `http://127.0.0.1:${gate.port}`,
    answers: 'well',
    received: [],
  };
  net.cleanup(async () => {
    await gate.close();
    for (const end of ends) end();
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  });
  return farmServer;
}

async function answer(server: FarmServer, request: Request, response: Response): Promise<void> {
  if (server.answers === 'busy') {
    request.resume();
    response.writeHead(503, { 'Retry-After': '1' });
    response.end('busy');
    return;
  }
  if (request.method === 'PUT') {
    const received: Received = { id: String(request.headers['x-id']), bytes: 0, isComplete: false };
    server.received.push(received);
    for await (const part of request as AsyncIterable<Buffer>) received.bytes += part.length;
    received.isComplete = request.headers['content-length'] === String(received.bytes);
    response.writeHead(received.isComplete ? 201 : 400);
    response.end();
    return;
  }
  const isOther = server.answers === 'other version';
  const content = isOther ? otherFile : file;
  const etag = isOther ? '"v2"' : '"v1"';
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const isRange = from !== undefined && [undefined, etag].includes(ifRangeOf(request));
  const first = isRange ? Number(from) : 0;
  response.writeHead(isRange ? 206 : 200, {
    ETag: etag,
    'Content-Length': FILE_BYTES - first,
    ...(isRange && { 'Content-Range': `bytes ${first}-${FILE_BYTES - 1}/${FILE_BYTES}` }),
  });
  if (request.method === 'HEAD') response.end();
  else response.end(content.subarray(first));
}

const ifRangeOf = ({ headers }: Request): string | undefined => headers['if-range']?.toString();

function echo(server: FarmServer, request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => {});
  if (server.answers === 'busy') {
    socket.end('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  socket.write(switching(request.headers['sec-websocket-key']));
  socket.pipe(socket);
}
