import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode } from '../support/frames.js';
import { framesLine } from '../support/http2-line.js';
import { chunked, sized } from '../support/through.js';

const SIZE = 300_000;
const content = seededBytes('broken', 0, SIZE);

const wires: Record<string, Buffer> = {
  sized: sized(content),
  chunked: chunked([content.subarray(0, 1), content.subarray(1, 70_000), content.subarray(70_000)]),
};

describe.for(['h2c', 'tls'] as const)('over %s', (over) => {
  describe.for(Object.entries(wires))('a %s response that breaks off', ([, wire]) => {
    test.for(['end', 'reset', 'destroy'] as const)(
      '(%s) at any offset, be it before the first byte, reaches the client as head, right bytes and a reset, never as an end [RFC 9113 8.1; nghttp2]',
      async (how, { net }) => {
        const head = wire.indexOf('\r\n\r\n') + 4;
        for (const at of [head, head + 1, head + 7, head + 20_000, head + 70_020, wire.length - 1]) {
          const { frames, running } = await framesLine(
            net,
            async (connection) => {
              await connection.readHead();
              await connection.write(wire.subarray(0, at));
              connection[how]();
            },
            { over },
          );
          const response = await frames.readResponse(frames.get('/'));
          const where = `cut at ${at}`;
          expect(response, where).toMatchObject({
            status: 200,
            isComplete: false,
            resetWith: ErrorCode.INTERNAL_ERROR,
          });
          expect(isSeeded('broken', 0, response.content), where).toBe(true);
          expect(await running.record(), where).toMatchObject({
            outcome: 'upstream_truncated',
            error: 'http_response_incomplete',
            status: 200,
          });
          frames.close();
        }
      },
    );

    test('within its head gets a complete 502 [RFC 9110 15.6.3]', async ({ net }) => {
      for (const at of [0, 1, wire.indexOf('\r\n\r\n') + 3]) {
        const { frames, running } = await framesLine(
          net,
          async (connection) => {
            await connection.readHead();
            await connection.write(wire.subarray(0, at));
            connection.end();
          },
          { over },
        );
        expect(await frames.readResponse(frames.get('/'))).toMatchObject({ status: 502, isComplete: true });
        expect((await running.record()).status).toBe(502);
        frames.close();
      }
    });
  });
});
