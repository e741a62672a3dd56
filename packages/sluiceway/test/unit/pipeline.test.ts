import { expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { parseDigest } from '../../src/http/digest.js';
import { Fields } from '../../src/http/fields.js';
import { type ContentStages, noStages } from '../../src/proxy/request/content-stages.js';
import { openContent, openOwnContent, type PipelineState } from '../../src/proxy/response/pipeline.js';
import { DownloadMeter } from '../../src/proxy/transfer/transfer-meters.js';
import { TransformMeters } from '../../src/proxy/transfer/transform-meters.js';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { Flow } from '../../src/stream/flow.js';
import { PassThrough } from '../../src/stream/pass-through.js';
import type { Verification } from '../../src/stream/verified-source.js';
import type { TransportResponse } from '../../src/upstream/transport.js';
import { hexOf, memberOf } from '../support/digests.js';
import { collect, HeldSink, ManualSource } from '../support/exchange.js';
import { upperCase } from '../support/transforms.js';
import { watchTimeouts } from '../support/watched-timeouts.js';

type State = PipelineState & { transfer: { bytesDown: number } };

/** The state of a request whose response has the given stages. */
function toState(stages: Partial<ContentStages> = {}): State {
  const { timeouts } = watchTimeouts({});
  const transfer = {
    timeouts,
    bytesUp: 0,
    bytesDown: 0,
    allowsZeroCopy: false,
    zeroCopy: false,
    onContent: null as ((bytes: Uint8Array) => void) | null,
    resumedContent: null,
    flowUp: null,
    flowDown: null as Flow | null,
    flow: () => (transfer.flowDown ??= new Flow()),
    meterDownload: () => new DownloadMeter(transfer),
    meterTransform: () => new TransformMeters(timeouts, new DownloadMeter(transfer)).input,
  };
  return {
    stages: { ...noStages(), ...stages },
    transfer,
    client: { takesTrailers: (length) => length === null || stages.statedLength === length },
  };
}

function toResponse(content: ChunkSource, contentLength: number | null = null): TransportResponse {
  const headers = new Fields();
  return { status: 200, statusText: 'OK', httpVersion: '1.1', headers, contentLength, content, tunnel: null };
}

/** The names of the sources around `content`, the outermost one first. */
function wrappersOf(opened: ChunkSource): string[] {
  const names: string[] = [];
  let source = opened;
  for (; source instanceof PassThrough; source = source.source) names.push(source.constructor.name);
  return [...names, source.constructor.name];
}

const verificationOf = (text: string): Verification => ({
  expected: [{ digest: parseDigest(hexOf(text)), by: 'the test' }],
  trailers: [],
  isWhole: true,
  length: null,
  toError: () => new SluicewayError('http_response_digest_mismatch', 'other content'),
});

const tooLong = (): Error => new Error('too long');

test('the content of a plain response has a meter and no other wrapper', () => {
  const source = new ManualSource();
  expect(wrappersOf(openContent(toState(), toResponse(source, 5)))).toEqual([
    'MeteredSource',
    'ManualSource',
  ]);
  const { transfer } = toState();
  expect(wrappersOf(openOwnContent(source, null, transfer))).toEqual(['MeteredSource', 'ManualSource']);
});

test('limits that limit nothing add no wrapper', () => {
  const limits = { onContent: null, maxBytes: null, toTooLongError: tooLong, rate: null };
  const opened = openContent(toState({ limits }), toResponse(new ManualSource(), 5));
  expect(wrappersOf(opened)).toEqual(['MeteredSource', 'ManualSource']);
});

test('content that may break has one more wrapper, and its chunks pass as they are', () => {
  const source = new ManualSource();
  const state = toState({
    resume: {
      part: { validator: null, etag: '"1"', modified: undefined, coding: '', total: 5, start: 0, end: 5 },
      makeFinder: () => expect.fail('nothing broke'),
      needsTrailers: false,
    },
  });
  const opened = openContent(state, toResponse(source, 5));
  expect(wrappersOf(opened)).toEqual(['MeteredSource', 'ResumedContent']);
  expect(state.transfer.resumedContent).not.toBeNull();
  const passed: Uint8Array[] = [];
  opened.start({ chunk: (chunk) => passed.push(chunk), end() {}, fail() {} });
  const bytes = Buffer.from('hello');
  source.sink?.chunk(bytes, () => {});
  expect(passed).toHaveLength(1);
  expect(passed[0]).toBe(bytes);
});

test('every stage wraps content in the order that the pipeline lists', () => {
  const state = toState({
    statedLength: 5,
    verification: verificationOf('hello'),
    trailerRules: [() => {}],
    sendsDigest: true,
    limits: { onContent: () => {}, maxBytes: 5, toTooLongError: tooLong },
  });
  state.transfer.onContent = () => {};
  expect(wrappersOf(openContent(state, toResponse(new ManualSource())))).toEqual([
    'MeteredSource',
    'ObservedSource',
    'MaxLengthSource',
    'ObservedSource',
    'DigestTrailer',
    'FilteredTrailers',
    'VerifiedSource',
    'ExactLengthSource',
    'ManualSource',
  ]);
});

test('trailer rules add no wrapper where the client takes no trailers', () => {
  const state = toState({ trailerRules: [() => {}] });
  expect(wrappersOf(openContent(state, toResponse(new ManualSource(), 5)))).toEqual([
    'MeteredSource',
    'ManualSource',
  ]);
});

/** Content that a transform makes capitals of, with every stage that looks at bytes. */
function throughAll(maxBytes: number | null) {
  const shown: string[] = [];
  const counted: string[] = [];
  const state = toState({
    verification: verificationOf('hello'),
    trailerRules: [(trailers) => void trailers.delete('x-secret')],
    transform: { kind: 'streams', streams: [upperCase()], changes: true },
    sendsDigest: true,
    limits: {
      onContent: (bytes) => counted.push(Buffer.from(bytes).toString()),
      maxBytes,
      toTooLongError: tooLong,
    },
  });
  state.transfer.onContent = (bytes) => shown.push(Buffer.from(bytes).toString());
  const source = new ManualSource();
  // The length is that of the origin server's content; what comes out of the transform is delimited by its end.
  return { state, source, opened: openContent(state, toResponse(source, 5)), shown, counted };
}

test('verification sees bytes before the transform; the digest trailer, limits and observers see what the client gets', async () => {
  const { state, source, opened, shown, counted } = throughAll(5);
  const collected = collect(opened);
  source.trailers = new Fields(['X-Secret', 'key', 'X-Open', 'yes', 'Content-Digest', memberOf('hello')]);
  source.lend('hello');
  source.sink?.end();
  const { content, trailers } = await collected;
  expect(content.toString()).toBe('HELLO');
  expect([...(trailers ?? [])]).toEqual([
    ['X-Open', 'yes'],
    ['Repr-Digest', memberOf('HELLO')],
  ]);
  expect(counted).toEqual(['HELLO']);
  expect(shown).toEqual(['HELLO']);
  expect(state.transfer.bytesDown).toBe(5);
});

test('content that verification refuses does not complete behind the transform', async () => {
  const { source, opened } = throughAll(null);
  const collected = collect(opened);
  source.lend('hullo');
  source.sink?.end();
  await expect(collected).rejects.toThrow('other content');
});

test('observers and meters do not see a chunk that a limit refuses', async () => {
  const { state, source, opened, shown } = throughAll(4);
  const collected = collect(opened);
  source.lend('hello');
  source.sink?.end();
  await expect(collected).rejects.toThrow('too long');
  expect(shown).toEqual([]);
  expect(state.transfer.bytesDown).toBe(0);
});

test('content that a Content-Range states to be longer breaks before it is resumed', () => {
  let asked = 0;
  const source = new ManualSource();
  const sink = new HeldSink();
  const state = toState({
    statedLength: 10,
    resume: {
      part: { validator: null, etag: '"1"', modified: undefined, coding: '', total: 10, start: 0, end: null },
      makeFinder: () => {
        asked += 1;
        return { find: () => Promise.resolve(null), stop() {} };
      },
      needsTrailers: false,
    },
  });
  openContent(state, toResponse(source)).start(sink);
  source.lend('hello');
  sink.release();
  source.sink?.end();
  expect(asked).toBe(1);
});
