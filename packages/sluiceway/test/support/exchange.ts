import { Fields } from '../../src/http/fields.js';
import type { ChunkSink, ChunkSource } from '../../src/stream/chunk-source.js';
import type { Exchange, RequestContent, Transport, TransportRequest } from '../../src/upstream/transport.js';
import type { TransportOptions } from '../../src/upstream/transport-options.js';
import { WireTransport } from '../../src/upstream/wire/wire-transport.js';
import type { Network } from './fixture.js';

/** A request for a transport: GET / of the server with that URL, with the changes. */
export function toRequest(url: string, changes: Partial<TransportRequest> = {}): TransportRequest {
  const { protocol, hostname, port, host } = new URL(url);
  return {
    destination: {
      protocol: protocol === 'https:' ? 'https:' : 'http:',
      hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port),
    },
    method: 'GET',
    path: '/',
    headers: new Fields(['Host', host]),
    content: null,
    upgrade: null,
    expectContinue: false,
    onInterim: () => {},
    onRequestSent: () => {},
    ...changes,
  };
}

export interface Collected {
  content: Buffer;
  trailers: Fields | null;
}

/** Reads the whole content, and copies each chunk before returning it. Rejects with the error of the content. */
export function collect(source: ChunkSource): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    source.start({
      chunk(bytes, done) {
        parts.push(Buffer.from(bytes));
        done();
      },
      end: () => resolve({ content: Buffer.concat(parts), trailers: source.trailers }),
      fail: reject,
    });
  });
}

/** The content of the response to a request, as latin1. */
export async function fetchText(transport: Transport, request: TransportRequest): Promise<string> {
  const { content } = await transport.send(request).response;
  return (await collect(content)).content.toString('latin1');
}

/** The error of an exchange, from its response head or its content. */
export async function failureOf(exchange: Exchange): Promise<unknown> {
  try {
    const { content } = await exchange.response;
    const { content: bytes } = await collect(content);
    return `no failure, but ${bytes.length} bytes`;
  } catch (error) {
    return error;
  }
}

/** A sink that returns no chunk until `release`, and records all events. */
export class HeldSink implements ChunkSink {
  readonly events: string[] = [];
  readonly #held: { bytes: Uint8Array; copy: Buffer; done: () => void }[] = [];
  readonly #received: Buffer[] = [];
  #wake: () => void = () => {};
  error: Error | null = null;

  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  get isOver(): boolean {
    return this.events.includes('end') || this.events.includes('fail');
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    this.events.push('chunk');
    const copy = Buffer.from(bytes);
    this.#held.push({ bytes, copy, done });
    this.#received.push(copy);
    this.#wake();
  }

  end(): void {
    this.events.push('end');
    this.#wake();
  }

  fail(error: Error): void {
    this.events.push('fail');
    this.error = error;
    this.#wake();
  }

  /** Returns all held chunks. Throws if a lent byte has changed. */
  release(): void {
    for (const { bytes, copy, done } of this.#held.splice(0)) {
      if (!copy.equals(bytes)) throw new Error('Bytes were overwritten while they were lent');
      done();
    }
  }

  /** Waits until at least `count` events of any kind have occurred. */
  async event(count = 1): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A source that the test controls. */
export class ManualSource implements ChunkSource {
  sink: ChunkSink | null = null;
  cancelled = 0;
  /** Number of returned chunks. */
  returned = 0;
  trailers: Fields | null = null;

  start(sink: ChunkSink): void {
    this.sink = sink;
  }

  cancel(): void {
    this.cancelled += 1;
  }

  lend(bytes: string | Uint8Array): void {
    this.sink?.chunk(Buffer.from(bytes as Uint8Array), () => {
      this.returned += 1;
    });
  }
}

/** Request content of the given pieces. `length` null: sent chunked. */
export function contentOf(
  pieces: readonly (string | Uint8Array)[],
  length: number | null = Buffer.concat(pieces.map((piece) => Buffer.from(piece as Uint8Array))).length,
): RequestContent {
  return {
    length,
    source: {
      trailers: null,
      start(sink) {
        for (const piece of pieces) sink.chunk(Buffer.from(piece as Uint8Array), () => {});
        sink.end();
      },
      cancel() {},
    },
  };
}

/** A transport with the given options. It is destroyed when the test ends. */
export function startTransport(net: Network, options: TransportOptions = {}): WireTransport {
  const transport = new WireTransport(options);
  net.cleanup(() => transport.destroy());
  return transport;
}
