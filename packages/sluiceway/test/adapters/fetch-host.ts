import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { FetchHandler } from '../../src/fetch.js';

/** What hosts do where the stream of a response fails. */
type AtFailure = 'destroys' | 'appends text';

/** A host of WHATWG's kind over Node's server, as hosts are made: it waits for the client, and cancels what nobody reads. */
export async function startFetchHost(
  handler: FetchHandler,
  atFailure: AtFailure = 'destroys',
  shows: 'nothing' | 'shows the connection' = 'nothing',
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((incoming, outgoing) => {
    const request = toRequest(incoming, outgoing);
    // As @hono/node-server does.
    handler(request, shows === 'nothing' ? undefined : { incoming, outgoing })
      .then((response) => send(response, outgoing, atFailure))
      .catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function toRequest(incoming: IncomingMessage, outgoing: ServerResponse): Request {
  const { method = 'GET', url = '/', headers: fields, rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  const abort = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) abort.abort();
  });
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(`http://${fields.host}${url}`, {
    method,
    headers,
    signal: abort.signal,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' }),
  });
}

async function send(response: Response, outgoing: ServerResponse, atFailure: AtFailure): Promise<void> {
  outgoing.writeHead(response.status, response.statusText, [...response.headers].flat());
  if (response.body === null) {
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  const reader = response.body.getReader();
  outgoing.once('close', () => void reader.cancel().catch(() => {}));
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      if (!outgoing.write(piece.value)) await new Promise((resolve) => outgoing.once('drain', resolve));
    }
    outgoing.end();
  } catch {
    if (atFailure === 'appends text') outgoing.write('Internal server error', () => outgoing.destroy());
    else outgoing.destroy();
  }
}
