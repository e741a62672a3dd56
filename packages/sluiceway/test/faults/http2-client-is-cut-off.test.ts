import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag, Frames, FrameType } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import type { FieldLine } from '../support/hpack.js';

const GET: readonly FieldLine[] = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'test'],
  [':path', '/'],
];

describe('content that breaks off on its way to an HTTP/2 client', () => {
  test.for(['Content-Length: 100', 'Transfer-Encoding: chunked', 'X-Until: close'])(
    '(%s) while nothing is under way ends with RST_STREAM, and never with END_STREAM [RFC 9113 8.1; Go ReverseProxy]',
    async (framing, { net }) => {
      const seen = new Gate();
      const origin = await net.origin(async (connection) => {
        await connection.readHead();
        const half = framing.includes('chunked') ? '4\r\nhalf\r\n' : 'half';
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${half}`);
        await seen.opened;
        connection.reset();
      });
      const running = await net.proxy({ upstream: origin.url }, { http2: 'h2c' });
      const frames = new Frames(await net.client(running));
      await frames.writePreface();
      await frames.settings();
      await frames.headers(1, GET, Flag.END_HEADERS | Flag.END_STREAM);
      await frames.readSection(1);
      const flags: number[] = [];
      for (;;) {
        const frame = await frames.nextOn(1);
        if (frame.type === FrameType.RST_STREAM) {
          expect(frame.payload.readUInt32BE(0)).toBe(ErrorCode.INTERNAL_ERROR);
          break;
        }
        flags.push(frame.flags);
        seen.open();
      }
      expect(flags.filter((each) => (each & Flag.END_STREAM) !== 0)).toEqual([]);
    },
  );
});
