import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { isSeeded } from '../../demo/seeded-content.js';
import { type Observation, Observations, type ProbeState } from './observation.js';
import { respond } from './respond.js';
import { parseScript, type Script } from './script.js';

/** Tells the doctor that it has reached an echo origin that it understands. */
export const PROTOCOL = 'sluiceway-doctor/1';

/** The longest request head that the origin accepts: the chain's limits are what is measured. */
const MAX_HEAD_BYTES = 256 * 1024;

/**
 * The origin server that `sluiceway doctor` reaches through the chain. It does what the path of a request says, makes its
 * content up while it sends it, and remembers what it has seen. It writes nothing to disk.
 */
export function createEchoOrigin(): Server {
  const observations = new Observations();
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    // The doctor is silent on purpose.
    requestTimeout: 0,
    // A connection that the origin closes while the chain reuses it would look like a fault of the chain.
    keepAliveTimeout: 10 * 60 * 1000,
  });
  server.maxHeadersCount = 0;
  const handle = (request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void => {
    const script = parseScript(request.url ?? '');
    if (script === null) return sendText(request, response, 404, NOT_FOUND);
    if (script.action === 'hello') return sendJson(request, response, { protocol: PROTOCOL });
    if (script.action === 'report') return sendJson(request, response, observations.report(script.id));
    const probe = observations.probe(script.id);
    if (script.action === 'release') {
      probe.release();
      return sendJson(request, response, {});
    }
    // A broken connection is what many probes ask for.
    answer(request, response, { script, probe, expectsContinue }).catch(() => response.destroy());
  };
  server.on('request', (request, response) => handle(request, response, false));
  server.on('checkContinue', (request, response) => handle(request, response, true));
  server.on('upgrade', (request, socket) => acceptWebSocket(request, socket, observations));
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

const NOT_FOUND =
  'This is the echo origin of sluiceway doctor. It answers only the requests of the doctor.\n';

interface Answer {
  script: Script;
  probe: ProbeState;
  expectsContinue: boolean;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { script, probe, expectsContinue }: Answer,
): Promise<void> {
  const seen = observe(request);
  probe.add(seen);
  response.once('close', () => {
    seen.isCut = !response.writableFinished;
  });
  if (script.respond === 'first') {
    await respond(request, response, script, probe, seen);
    // An early close could cost the response that is still on its way.
    await readContent(request, script.id, seen);
    return;
  }
  if (expectsContinue) response.writeContinue();
  if (script.unread === 1) await Promise.race([probe.released, once(response, 'close')]);
  await readContent(request, script.id, seen);
  if (script.respond === 'drop') {
    request.socket.destroy();
    return;
  }
  await respond(request, response, script, probe, seen);
}

function observe(request: IncomingMessage): Observation {
  const { method = '', url = '', httpVersion, rawHeaders } = request;
  return {
    method,
    target: url,
    httpVersion,
    fields: toPairs(rawHeaders),
    content: { bytes: 0, isComplete: false, isIntact: true, trailers: [] },
    response: { bytes: 0, isFinished: false, longestStallMs: 0 },
    isCut: false,
  };
}

/** Reads request content to its end. If the client breaks it off, `isComplete` stays false, and this rejects. */
async function readContent(request: IncomingMessage, seed: string, { content }: Observation): Promise<void> {
  for await (const chunk of request as AsyncIterable<Buffer>) {
    content.isIntact &&= isSeeded(seed, content.bytes, chunk);
    content.bytes += chunk.length;
  }
  content.isComplete = request.complete;
  content.trailers = toPairs(request.rawTrailers);
}

function toPairs(lines: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) pairs.push([lines[i] ?? '', lines[i + 1] ?? '']);
  return pairs;
}

/** Echoes the bytes of the tunnel. They are no WebSocket frames: the chain relays whatever they are. */
function acceptWebSocket(request: IncomingMessage, socket: Duplex, observations: Observations): void {
  socket.on('error', () => {});
  const script = parseScript(request.url ?? '');
  if (script?.action !== 'socket') {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    return;
  }
  observations.probe(script.id).add(observe(request));
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.pipe(socket);
}

const sendJson = (request: IncomingMessage, response: ServerResponse, value: unknown): void =>
  send(request, response, 200, 'application/json', JSON.stringify(value));

const sendText = (request: IncomingMessage, response: ServerResponse, status: number, text: string): void =>
  send(request, response, status, 'text/plain; charset=utf-8', text);

function send(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  request.resume();
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}
