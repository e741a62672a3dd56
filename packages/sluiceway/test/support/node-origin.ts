import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSocketServer } from 'ws';
import { type ServedFile, sendFile } from '../../../server/src/demo/send-file.js';
import { type Seed, seededViews } from './content.js';
import type { Network } from './fixture.js';
import { startServer } from './servers.js';

/** An origin server based on `node:http`, as users have it. */
export interface NodeOrigin {
  readonly url: string;
  /** Every request so far, in order. */
  readonly requests: readonly IncomingMessage[];
  /** Number of open sockets on the server's side. */
  readonly open: number;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface NodeOriginOptions {
  /** Handles an upload that waits for 100. If absent, Node sends 100 at once. */
  onExpectContinue?: Listener;
  /** Handles upgrades. Created with `noServer`. */
  webSockets?: WebSocketServer;
}

/** Starts an origin server, which is stopped when the test ends. An error of a listener ends the connection. */
export async function nodeOrigin(
  net: Network,
  listener: Listener,
  options: NodeOriginOptions = {},
): Promise<NodeOrigin> {
  const requests: IncomingMessage[] = [];
  const noted = (each: Listener) => (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request);
    run(each, request, response).catch(() => response.destroy());
  };
  const running = await startServer(noted(listener));
  if (options.onExpectContinue) running.server.on('checkContinue', noted(options.onExpectContinue));
  const { webSockets } = options;
  if (webSockets) {
    running.server.on('upgrade', (request, socket, head) => {
      webSockets.handleUpgrade(request, socket, head, (each) => webSockets.emit('connection', each, request));
    });
  }
  net.cleanup(() => {
    for (const socket of webSockets?.clients ?? []) socket.terminate();
    return running.stop();
  });
  return {
    url: `http://127.0.0.1:${running.port}`,
    requests,
    get open() {
      return running.open;
    },
  };
}

async function run(listener: Listener, request: IncomingMessage, response: ServerResponse): Promise<void> {
  await listener(request, response);
}

/** A file of seeded content. It has validators unless `validators` is null. */
export function seededFile(seed: Seed, size: number, changes: Partial<ServedFile> = {}): ServedFile {
  return {
    size,
    contentType: 'application/octet-stream',
    validators: { etag: `"${seed}"`, lastModified: 'Wed, 01 Jan 2025 00:00:00 GMT' },
    read: (start, end) => seededViews(seed, start, end - start),
    ...changes,
  };
}

/** Serves one file under every path. */
export const serving =
  (file: ServedFile) =>
  (request: IncomingMessage, response: ServerResponse): Promise<void> =>
    sendFile(request, response, file);

/** The same file, but every response breaks off after about `bytes` bytes of content. */
export function cutAfter(file: ServedFile, bytes: number): ServedFile {
  return {
    ...file,
    *read(start, end) {
      yield* file.read(start, Math.min(end, start + bytes));
      if (end > start + bytes) throw new Error('Cut, as the test wants it');
    },
  };
}

/** An upload as the origin server saw it. */
export interface SeenUpload {
  method: string;
  framing: string;
  bytes: number;
  sha256: string;
}

/** Reads request content, and answers with a `SeenUpload` in JSON. */
export async function answerUpload(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const seen: SeenUpload = {
    method: request.method ?? '',
    framing: length ?? coding ?? 'none',
    bytes,
    sha256: hash.digest('hex'),
  };
  const text = JSON.stringify(seen);
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': text.length });
  response.end(text);
}
