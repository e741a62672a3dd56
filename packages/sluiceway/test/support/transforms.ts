import { type Duplex, PassThrough, Transform } from 'node:stream';
import { expect } from 'vitest';
import type { ResponseTransform } from '../../src/index.js';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { TransformedSource, type TransformedSourceOptions } from '../../src/stream/transformed-source.js';
import { seededBytes } from './content.js';
import type { Network } from './fixture.js';
import type { RequestHead } from './message-head.js';
import type { RawResponse } from './raw-client.js';
import { type OriginScript, respondWith } from './raw-origin.js';
import type { ProxyOptions } from './servers.js';
import { through } from './through.js';
import { until } from './until.js';

/** Converts latin1 letters to upper case. */
export function upperCase(): Transform {
  return new Transform({
    transform(chunk: Buffer, _, callback) {
      callback(null, Buffer.from(chunk.toString('latin1').toUpperCase(), 'latin1'));
    },
  });
}

/** Passes content through streams that may change it, with the given options. */
export function transformed(
  source: ChunkSource,
  streams: readonly [Duplex, ...Duplex[]],
  options: Partial<TransformedSourceOptions> = {},
): TransformedSource {
  return new TransformedSource(source, streams, { keepsLength: false, announced: null, ...options });
}

export const allClosed = (streams: readonly Duplex[]): Promise<void> =>
  until(() => streams.every((stream) => stream.closed), 'every stream was closed');

/** Records the streams of all transfers. */
export class MadeStreams {
  readonly all: Duplex[] = [];

  readonly #make: () => Duplex;

  constructor(make: () => Duplex = () => new PassThrough()) {
    this.#make = make;
  }

  /** For `transform.create`. */
  readonly create = (): Duplex => {
    const stream = this.#make();
    this.all.push(stream);
    return stream;
  };

  /** Waits until every stream is closed. */
  closed(): Promise<void> {
    return allClosed(this.all);
  }
}

/** Fields that describe exact bytes. */
export const OF_BYTES = [
  'ETag: "old"',
  'Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT',
  'Accept-Ranges: bytes',
  'Content-MD5: x',
  'Content-Digest: sha-256=:x:',
  'Repr-Digest: sha-256=:x:',
  'Digest: x',
];
/** Fields that do not depend on the bytes. */
export const OTHERS = [
  'Content-Type: text/plain',
  'Content-Encoding: br',
  'Cache-Control: max-age=5',
  'X-Other: y',
];
const nameOf = (line: string): string => line.split(':', 1)[0] as string;

interface Exchanged {
  response: RawResponse;
  /** The request that the origin server got. */
  asked: RequestHead;
  made: MadeStreams;
}

interface Given {
  changesContent?: ResponseTransform['changesContent'];
  create?: ResponseTransform['create'];
  /** What the client sends. */
  request?: { method?: string; lines?: readonly string[]; version?: string };
  options?: Omit<ProxyOptions, 'upstream'>;
}

/** One exchange through a transform. Default: conversion to upper case. */
export async function exchangeTransformed(
  net: Network,
  answer: string | Uint8Array,
  given: Given = {},
): Promise<Exchanged> {
  const { method = 'GET', lines = [], version = '1.1' } = given.request ?? {};
  const made = new MadeStreams(upperCase);
  let asked: RequestHead | undefined;
  const { client } = await through(
    net,
    respondWith((head) => {
      asked = head;
      return answer;
    }),
    {
      ...given.options,
      transform: {
        response: { changesContent: given.changesContent ?? true, create: given.create ?? made.create },
      },
    },
  );
  await client.send([`${method} /file HTTP/${version}`, 'Host: test', ...lines, '\r\n'].join('\r\n'));
  const response = await client.readResponse({ method });
  return { response, asked: asked as RequestHead, made };
}

export function expectWithout(response: RawResponse, lines: readonly string[]): void {
  for (const line of lines) expect(response.head.has(nameOf(line)), line).toBe(false);
}

export function expectWith(response: RawResponse, lines: readonly string[]): void {
  for (const line of lines) expect(response.head.lines).toContain(line);
}

/** The content of which `sendsHalf` sends only half. */
export const HALVED: Buffer = seededBytes('halved', 0, 1_000_000);

/** Sends half of the content, then ends, resets or waits. */
export const sendsHalf =
  (framing: 'sized' | 'chunked', then: 'ends' | 'resets' | 'waits'): OriginScript =>
  async (connection) => {
    await connection.readHead();
    const field = framing === 'sized' ? `Content-Length: ${HALVED.length}` : 'Transfer-Encoding: chunked';
    await connection.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`);
    if (framing === 'chunked') await connection.write(`${HALVED.length.toString(16)}\r\n`);
    await connection.write(HALVED.subarray(0, HALVED.length / 2));
    if (then === 'ends') connection.end();
    if (then === 'resets') connection.reset();
    await connection.readAll();
  };
