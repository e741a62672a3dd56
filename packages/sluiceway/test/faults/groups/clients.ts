import { Agent, request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Network } from '../../support/fixture.js';
import type { RunningProxy } from '../../support/servers.js';

export type ClientProtocol = 'http1' | 'http2';

/** What a client gets. */
export interface Got {
  status: number;
  etag: string | undefined;
  content: Buffer;
  /** Everything that was announced has arrived. */
  isComplete: boolean;
}

export interface LabClient {
  request(
    method: string,
    path: string,
    content?: Buffer,
    fields?: Readonly<Record<string, string>>,
  ): Promise<Got>;
  /** Opens a WebSocket, sends bytes, and returns those that come back. Null if it does not open. */
  echo(bytes: Buffer): Promise<Buffer | null>;
}

const FAILED: Got = { status: 0, etag: undefined, content: Buffer.alloc(0), isComplete: false };

export const openClient = (
  net: Network,
  protocol: ClientProtocol,
  running: RunningProxy,
): Promise<LabClient> => (protocol === 'http1' ? openHttp1(net, running) : openHttp2(net, running));

async function openHttp1(net: Network, { port }: RunningProxy): Promise<LabClient> {
  const agent = new Agent({ keepAlive: true });
  net.cleanup(() => agent.destroy());
  return {
    request: (method, path, content, fields = {}) =>
      new Promise((resolve) => {
        const length = content === undefined ? {} : { 'Content-Length': String(content.length) };
        const sent = httpRequest(
          { agent, port, host: '127.0.0.1', method, path, headers: { ...fields, ...length } },
          (response) => {
            const parts: Buffer[] = [];
            response.on('data', (part: Buffer) => parts.push(part));
            response.on('error', () => {});
            response.on('close', () =>
              resolve({
                status: response.statusCode ?? 0,
                etag: response.headers.etag,
                content: Buffer.concat(parts),
                isComplete: response.complete,
              }),
            );
          },
        );
        sent.on('error', () => resolve(FAILED));
        sent.end(content);
      }),
    echo: (bytes) =>
      new Promise((resolve) => {
        const sent = httpRequest({
          port,
          host: '127.0.0.1',
          path: '/ws',
          headers: {
            Connection: 'Upgrade',
            Upgrade: 'websocket',
            'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          },
        });
        sent.on('upgrade', (_response, socket: Duplex) => exchange(socket, bytes, resolve));
        sent.on('response', (response) => {
          response.resume();
          resolve(null);
        });
        sent.on('error', () => resolve(null));
        sent.end();
      }),
  };
}

async function openHttp2(net: Network, running: RunningProxy): Promise<LabClient> {
  const client = await net.http2(running);
  return {
    async request(method, path, content, fields = {}) {
      const length = content === undefined ? {} : { 'content-length': String(content.length) };
      const {
        status,
        fields: got,
        complete,
        ...rest
      } = await client.request(path, {
        headers: { ':method': method, ...fields, ...length },
        ...(content !== undefined && { content }),
      });
      return { status, etag: got.etag, content: rest.content, isComplete: complete };
    },
    echo: (bytes) =>
      new Promise((resolve) => {
        const stream = client.session.request(
          {
            ':method': 'CONNECT',
            ':protocol': 'websocket',
            ':scheme': 'http',
            ':authority': 'test',
            ':path': '/ws',
            'sec-websocket-version': '13',
          },
          { endStream: false },
        );
        stream.on('error', () => resolve(null));
        stream.on('close', () => resolve(null));
        stream.on('response', ({ ':status': status }) => {
          if (status === 200) exchange(stream, bytes, resolve);
          else {
            stream.close();
            resolve(null);
          }
        });
      }),
  };
}

function exchange(socket: Duplex, bytes: Buffer, resolve: (echoed: Buffer | null) => void): void {
  const parts: Buffer[] = [];
  let length = 0;
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    length += part.length;
    if (length < bytes.length) return;
    resolve(Buffer.concat(parts));
    socket.destroy();
  });
  socket.on('error', () => {});
  // Does nothing after the bytes have come back.
  socket.on('close', () => resolve(null));
  socket.write(bytes);
}
