import { ConnectionEnded } from '../support/connection-end.js';
import { Gate } from '../support/gate.js';
import { openClient, type RawClient } from '../support/raw-client.js';
import { type OriginConnection, type RawOrigin, startOrigin } from '../support/raw-origin.js';
import type { Exchange } from './exchange.js';

/** A message as one side saw it. */
export interface SeenMessage {
  startLine: string;
  lines: readonly string[];
  framing: 'none' | 'length' | 'chunked' | 'close';
  content: string;
  trailers: readonly string[];
  complete: boolean;
}

/** What both ends of a proxy saw of an exchange. */
export interface Trace {
  /** At the origin server. */
  requests: SeenMessage[];
  /** At the client, interim ones included. */
  responses: SeenMessage[];
  /**
   * What happens to the client's connection: another request on it is answered, it cannot be used again, nothing
   * arrives for seconds, or what arrives is not a response to the request.
   */
  afterwards: 'stays open' | 'closes' | 'hangs' | 'desyncs';
}

const NEXT_TARGET = '/next-on-this-connection';
const NEXT = `GET ${NEXT_TARGET} HTTP/1.1\r\nHost: next.test\r\n\r\n`;
const NEXT_RESPONSE = 'HTTP/1.1 200 OK\r\nX-From: next\r\nContent-Length: 0\r\n\r\n';

/** How long a proxy may let a client wait before that is taken for its answer. */
const PATIENCE_MS = 4_000;

/** An origin server for one proxy, which sees one exchange at a time. */
export class Stage {
  readonly origin: RawOrigin;
  #exchange: Exchange | null = null;
  #requests: SeenMessage[] = [];
  #seen = new Gate();

  private constructor(origin: RawOrigin) {
    this.origin = origin;
  }

  static async open(): Promise<Stage> {
    let play: (connection: OriginConnection) => Promise<void> = () => Promise.resolve();
    const stage = new Stage(await startOrigin((connection) => play(connection)));
    play = (connection) => stage.#play(connection);
    return stage;
  }

  /** Runs an exchange through the proxy on `port`. */
  async run(exchange: Exchange, port: number): Promise<Trace> {
    this.#exchange = exchange;
    this.#requests = [];
    this.#seen = new Gate();
    const client = await openClient(port);
    let waited = false;
    const patience = setTimeout(() => {
      waited = true;
      client.destroy();
    }, PATIENCE_MS);
    const { responses, afterwards } = await converse(client, exchange, this.#seen);
    clearTimeout(patience);
    client.destroy();
    await this.#strike();
    return { requests: this.#requests, responses, afterwards: waited ? 'hangs' : afterwards };
  }

  /** Ends the connections of an exchange, so that nothing of it is left for the next one. */
  async #strike(): Promise<void> {
    for (const connection of this.origin.connections) {
      if (connection.ending !== undefined) continue;
      connection.end();
      const giveUp = setTimeout(() => connection.destroy(), PATIENCE_MS);
      await connection.closed;
      clearTimeout(giveUp);
    }
  }

  async #play(connection: OriginConnection): Promise<void> {
    const exchange = this.#exchange;
    if (exchange === null) return;
    for (;;) {
      const head = await connection.readThrough('\r\n\r\n');
      if (head.startsWith(`GET ${NEXT_TARGET} `)) {
        await connection.write(NEXT_RESPONSE);
        continue;
      }
      const request = seenHead(head);
      this.#requests.push(request);
      this.#seen.open();
      if (exchange.answersAfter === 'head') void connection.write(exchange.response);
      await readContent(connection, request, requestFraming(request));
      if (!request.complete) return;
      if (exchange.answersAfter === 'content') await connection.write(exchange.response);
      if (exchange.originEnds === 'fin') connection.end();
      if (exchange.originEnds === 'reset') connection.reset();
    }
  }
}

async function converse(
  client: RawClient,
  exchange: Exchange,
  seen: Gate,
): Promise<Pick<Trace, 'responses' | 'afterwards'>> {
  const responses: SeenMessage[] = [];
  const { clientEnds } = exchange;
  void client.send(exchange.request);
  if (clientEnds?.when === 'seen') await Promise.race([seen.opened, client.closed]);
  if (clientEnds?.how === 'fin') client.end();
  if (clientEnds?.how === 'reset') client.reset();
  try {
    for (let finals = 0; finals < exchange.responses; ) {
      const response = await readResponse(client, exchange.method);
      responses.push(response);
      if (!response.startLine.includes(' 1')) finals++;
      if (!response.complete) return { responses, afterwards: 'closes' };
    }
    return { responses, afterwards: clientEnds === null ? await next(client) : 'closes' };
  } catch (error) {
    if (error instanceof Desync) return { responses, afterwards: 'desyncs' };
    if (!(error instanceof ConnectionEnded)) throw error;
    return {
      responses,
      afterwards: error.partial.length === 0 ? 'closes' : 'desyncs',
    };
  }
}

/** Whether the connection can be used again. */
async function next(client: RawClient): Promise<Trace['afterwards']> {
  void client.send(NEXT);
  const response = await readResponse(client, 'GET');
  return response.lines.includes('X-From: next') || response.lines.includes('x-from: next')
    ? 'stays open'
    : 'desyncs';
}

/** Data that is not a response arrived in place of one. */
class Desync extends Error {}

function seenHead(raw: string): SeenMessage {
  const [startLine = '', ...lines] = raw.slice(0, -4).split('\r\n');
  return { startLine, lines, framing: 'none', content: '', trailers: [], complete: false };
}

/** The values of all lines of a name in lower case. */
export function valuesOf(lines: readonly string[], name: string): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return line.slice(0, colon).toLowerCase() === name ? [line.slice(colon + 1).trim()] : [];
  });
}

function requestFraming({ lines }: SeenMessage): SeenMessage['framing'] {
  if (valuesOf(lines, 'transfer-encoding').length > 0) return 'chunked';
  return valuesOf(lines, 'content-length').length > 0 ? 'length' : 'none';
}

async function readResponse(client: RawClient, method: string): Promise<SeenMessage> {
  const raw = await client.readThrough('\r\n\r\n');
  const response = seenHead(raw);
  const status = Number(/^HTTP\/\d\.\d (\d{3})(?: |$)/.exec(response.startLine)?.[1]);
  if (Number.isNaN(status)) throw new Desync();
  const isContentless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const framing = requestFraming(response);
  await readContent(client, response, isContentless ? 'none' : framing === 'none' ? 'close' : framing);
  return response;
}

/** Reads content into a message, as far as it comes. */
async function readContent(
  wire: OriginConnection | RawClient,
  message: SeenMessage,
  framing: SeenMessage['framing'],
): Promise<void> {
  const onBytes = (bytes: Buffer): void => {
    message.content += bytes.toString('latin1');
  };
  message.framing = framing;
  if (framing === 'none') {
    message.complete = true;
  } else if (framing === 'length') {
    const [length = ''] = valuesOf(message.lines, 'content-length');
    message.complete = await wire.take(Number(length), onBytes);
  } else if (framing === 'close') {
    await wire.take(Number.POSITIVE_INFINITY, onBytes);
    message.complete = wire.ending === 'fin';
  } else {
    try {
      ({ trailers: message.trailers } = await wire.readChunkedContent(onBytes));
      message.complete = true;
    } catch {
      // It ended, or its framing is broken: it stays incomplete.
    }
  }
}
