import { once } from 'node:events';
import { connect } from 'node:http2';
import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import {
  ErrorCode,
  Flag,
  Frames,
  FrameType,
  fieldOf,
  PREFACE,
  Setting,
  StreamReset,
} from '../support/frames.js';
import { encodeFields, FieldDecoder, type FieldLine } from '../support/hpack.js';
import { startHttp2Server } from '../support/node-http2.js';

const request: FieldLine[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'test'],
  [':path', '/'],
];

describe('field sections', () => {
  test('the examples of the standard are decoded, Huffman codes and dynamic table included', () => {
    const decoder = new FieldDecoder();
    expect(decoder.decode(Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'))).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ]);
    expect(decoder.decode(Buffer.from('828684be5886a8eb10649cbf', 'hex'))).toEqual([
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ]);
    expect(decoder.decode(Buffer.from('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf', 'hex'))).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ]);
  });

  test('what is encoded is decoded again, of any length', () => {
    const lines: FieldLine[] = [126, 127, 128, 254, 255, 256, 20_000].map((length) => [
      `x-${length}`,
      '\xe9'.repeat(length),
    ]);
    expect(new FieldDecoder().decode(encodeFields(lines))).toEqual(lines);
  });
});

describe('frames over a raw connection', () => {
  test("they speak with Node's client: request, content, response, trailers", async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      const frames = new Frames(connection);
      await frames.readPreface();
      await frames.settings([[Setting.MAX_CONCURRENT_STREAMS, 7]]);
      const { stream, lines } = await frames.readSection();
      expect(fieldOf(lines, ':path')).toBe('/upload');
      expect(lines.filter(([name]) => name === 'x-every')).toEqual(every);
      expect((await frames.readContent(stream)).content.length).toBe(200_000);
      await frames.headers(stream, [[':status', '200']]);
      await frames.data(stream, 'hello');
      await frames.headers(stream, [['x-end', 'yes']], Flag.END_HEADERS | Flag.END_STREAM);
      await frames.next(FrameType.GOAWAY);
    });
    const every = Array.from(
      { length: 95 },
      (_, i): FieldLine => ['x-every', `v${String.fromCharCode(33 + i)}`],
    );
    const client = connect(origin.url);
    const stream = client.request({
      ':path': '/upload',
      ':method': 'POST',
      'x-every': every.map(([, value]) => value).slice(0, 95),
    });
    stream.end(Buffer.alloc(200_000));
    const trailers = once(stream, 'trailers');
    const text = (await stream.setEncoding('latin1').toArray()).join('');
    expect(text).toBe('hello');
    expect((await trailers)[0]).toMatchObject({ 'x-end': 'yes' });
    expect(client.remoteSettings.maxConcurrentStreams).toBe(7);
    client.close();
    await once(client, 'close');
  });

  test("they speak with Node's server, and see its reset and its GOAWAY", async ({ net }) => {
    const server = await startHttp2Server(net, (stream) => {
      if (stream.id === 1) {
        stream.respond({ 'x-long': 'y'.repeat(30_000) });
        stream.end('answer');
      } else {
        stream.respond();
        stream.write('part', () => stream.destroy(new Error('broken off')));
      }
    });
    const frames = new Frames(await net.client(server));
    await frames.writePreface();
    await frames.settings();
    await frames.headers(1, request, Flag.END_HEADERS | Flag.END_STREAM);
    const { lines } = await frames.readSection(1);
    expect(fieldOf(lines, ':status')).toBe('200');
    expect(fieldOf(lines, 'x-long')).toHaveLength(30_000);
    expect((await frames.readContent(1)).content.toString()).toBe('answer');
    await frames.headers(3, request, Flag.END_HEADERS | Flag.END_STREAM);
    await frames.readSection(3);
    await expect(frames.readContent(3)).rejects.toThrow(StreamReset);
    await frames.ping('abcdefgh');
    expect((await frames.next(FrameType.PING)).payload.toString()).toBe('abcdefgh');
    await frames.data(9, 'on a stream that is idle');
    expect((await frames.readGoaway()).code).toBe(ErrorCode.PROTOCOL_ERROR);
  });

  test('they speak HTTP/2 over TLS where both sides have agreed on it', async ({ net }) => {
    const certificate = await loopbackCertificate();
    const origin = await net.origin(
      async (connection) => {
        expect((await connection.readExactly(PREFACE.length)).toString()).toBe(PREFACE);
      },
      { tls: { ...certificate, alpn: ['h2'] } },
    );
    const client = await net.client(origin, { tls: { ca: certificate.ca, alpn: ['h2', 'http/1.1'] } });
    expect((client.socket as { alpnProtocol?: string }).alpnProtocol).toBe('h2');
    await new Frames(client).writePreface();
    client.end();
    expect(await client.closed).toBe('fin');
  });
});
