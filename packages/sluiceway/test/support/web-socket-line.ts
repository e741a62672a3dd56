import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { loopbackCertificate } from './certificates.js';
import type { Network } from './fixture.js';
import { type RunningProxy, type RunningServer, startServer } from './servers.js';

/** A WebSocket server behind a proxy. */
export interface WebSocketLine {
  /** The server of the WebSocket server. */
  origin: RunningServer;
  sockets: WebSocketServer;
  running: RunningProxy;
  /** Connects through the proxy. Resolves when the connection is open. */
  connect(protocols?: string[], options?: ClientOptions): Promise<WebSocket>;
}

export interface WebSocketLineOptions extends ServerOptions {
  /** The client uses TLS to the proxy. */
  secure?: boolean;
}

/** Starts a server that passes each connection to `onConnection`, and a proxy in front of it. */
export async function webSocketLine(
  net: Network,
  onConnection: (socket: WebSocket) => void,
  options: WebSocketLineOptions = {},
): Promise<WebSocketLine> {
  const { secure = false, ...rest } = options;
  const origin = await startServer();
  const sockets = new WebSocketServer({ maxPayload: 0, ...rest, server: origin.server });
  sockets.on('connection', (socket) => {
    // An abrupt end is not a failure of the server.
    socket.on('error', () => {});
    onConnection(socket);
  });
  net.cleanup(async () => {
    for (const socket of sockets.clients) socket.terminate();
    await origin.stop();
  });
  const tls = secure ? await loopbackCertificate() : undefined;
  const running = await net.proxy({ upstream: `http://127.0.0.1:${origin.port}` }, tls && { tls });
  const url = tls ? `wss://localhost:${running.port}/chat` : `ws://127.0.0.1:${running.port}/chat`;
  return {
    origin,
    sockets,
    running,
    async connect(protocols = [], clientOptions = {}) {
      const socket = new WebSocket(url, protocols, {
        maxPayload: 0,
        perMessageDeflate: false,
        ...(tls && { ca: tls.ca }),
        ...clientOptions,
      });
      await new Promise((resolve, reject) => {
        socket.once('open', resolve);
        socket.once('error', reject);
      });
      socket.on('error', () => {});
      net.cleanup(() => socket.terminate());
      return socket;
    },
  };
}

/** Sends every message back unchanged. */
export function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}

export interface Message {
  data: Buffer;
  isBinary: boolean;
}

export function nextMessage(socket: WebSocket): Promise<Message> {
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer, isBinary) => resolve({ data, isBinary }));
    socket.once('close', (code) => reject(new Error(`Closed with ${code} before a message came`)));
  });
}

/** The code and the reason with which a socket is closed. */
export function closing(socket: WebSocket): Promise<[code: number, reason: string]> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve([code, reason.toString()]));
  });
}
