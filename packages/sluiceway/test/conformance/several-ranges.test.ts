import { describe, expect } from 'vitest';
import { type StreamFromOptions, streamFrom } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import { startServer } from '../support/servers.js';

const SIZE = 50_000;
const file = seededBytes('parts', 0, SIZE);
const ASKED = 'Range: bytes=100-20099,30000-39999';
const TAG = 'ETag: "v1"';

const multipart = Buffer.concat([
  Buffer.from('\r\n--part\r\nContent-Range: bytes 100-20099/50000\r\n\r\n'),
  file.subarray(100, 20_100),
  Buffer.from('\r\n--part\r\nContent-Range: bytes 30000-39999/50000\r\n\r\n'),
  file.subarray(30_000, 40_000),
  Buffer.from('\r\n--part--\r\n'),
]);

interface Kind {
  kind: string;
  status: 200 | 206;
  line: string;
  content: Buffer;
  /** Whether it goes on after a break. */
  resumes: boolean;
}

/** A part by its `Content-Range`. */
const part = (first: number, last: number): Pick<Kind, 'status' | 'line' | 'content' | 'resumes'> => ({
  status: 206,
  line: `Content-Range: bytes ${first}-${last}/${SIZE}`,
  content: file.subarray(first, last + 1),
  resumes: true,
});

/** What real origin servers answer to a request for two ranges. */
const KINDS: readonly Kind[] = [
  {
    kind: 'both parts (nginx, Apache)',
    status: 206,
    line: 'Content-Type: multipart/byteranges; boundary=part',
    content: multipart,
    resumes: false,
  },
  { kind: 'the first part only (puma, WEBrick)', ...part(100, 20_099) },
  { kind: 'one part that has both (RFC 9110 15.3.7.2)', ...part(100, 39_999) },
  { kind: 'the whole file as a part (hono)', ...part(0, SIZE - 1) },
  {
    kind: 'the whole file (Go with overlapping ranges)',
    status: 200,
    line: 'X: y',
    content: file,
    resumes: true,
  },
];

/** A client of each entry point, connected to it, and the target to ask for. */
const FACES: Record<string, (net: Network, url: string) => Promise<{ client: RawClient; target: string }>> = {
  createProxy: async (net, url) => ({
    client: await net.client(await net.proxy({ upstream: url })),
    target: '/a',
  }),
  streamFrom: async (net, url) => {
    const options: StreamFromOptions = { addresses: 'any' };
    const running = await startServer(
      (request, response) => void streamFrom(request, response, `${url}/a`, options),
    );
    net.cleanup(() => running.stop());
    return { client: await net.client(running), target: '/' };
  },
  gateway: async (net, url) => {
    const { gateway, running } = await startGateway(net);
    return { client: await net.client(running), target: gateway.sign({ url: `${url}/a`, expires: '1h' }) };
  },
};

describe.each(Object.keys(FACES))('through %s, an answer to several ranges', (face) => {
  test.for(KINDS)(
    'that is $kind passes with the head that says so [RFC 9110 14.2; RFC 9110 15.3.7]',
    async ({ status, line, content }, { net }) => {
      const origin = await net.origin(rangedOrigin(file, () => answer({ status, line, content })));
      const { client, target } = (await FACES[face]?.(net, origin.url)) ?? expect.fail();
      await client.get(target, [ASKED]);
      const response = await client.readResponse();
      expect([response.head.status, response.complete]).toEqual([status, true]);
      expect(response.content.equals(content)).toBe(true);
      if (line !== 'X: y') expect(response.head.lines).toContain(line);
    },
  );

  test.for(KINDS)(
    'that is $kind and breaks goes on with its own bytes, or is visibly broken [RFC 9110 14.2; Sluiceway]',
    async ({ status, line, content, resumes }, { net }) => {
      const origin = await net.origin(
        rangedOrigin(file, (request) =>
          request.index === 0 ? half(request, { status, line, content }) : 'whole',
        ),
      );
      const { client, target } = (await FACES[face]?.(net, origin.url)) ?? expect.fail();
      await client.get(target, [ASKED]);
      const response = await client.readResponse();
      expect([response.head.status, response.complete]).toEqual([status, resumes]);
      expect(content.subarray(0, response.content.length).equals(response.content)).toBe(true);
      expect(response.content.length === content.length).toBe(resumes);
    },
  );
});

test.for([
  ['createProxy', 206],
  ['streamFrom', 206],
  ['gateway', 502],
] as const)(
  'through %s, a part that does not say which one it is gets %i [RFC 9110 15.3.7; Sluiceway]',
  async ([face, status], { net }) => {
    for (const line of ['X: y', 'Content-Range: items 0-1/9', 'Content-Range: bytes 5-2/9']) {
      const content = Buffer.from('part');
      const origin = await net.origin(rangedOrigin(file, () => answer({ status: 206, line, content })));
      const { client, target } = (await FACES[face]?.(net, origin.url)) ?? expect.fail();
      await client.get(target, [ASKED]);
      expect((await client.readResponse()).head.status).toBe(status);
    }
  },
);

test.for(Object.keys(FACES))(
  'through %s, an empty part at the end of the file passes as it is, which clients take for nothing left [RFC 9110 15.5.17; Sluiceway]',
  async (face, { net }) => {
    const line = `Content-Range: bytes ${SIZE}-${SIZE - 1}/${SIZE}`;
    const origin = await net.origin(
      rangedOrigin(file, () => answer({ status: 206, line, content: Buffer.alloc(0) })),
    );
    const { client, target } = (await FACES[face]?.(net, origin.url)) ?? expect.fail();
    await client.get(target, [`Range: bytes=${SIZE}-`]);
    const { head, complete, contentLength } = await client.readResponse();
    expect([head.status, complete, contentLength]).toEqual([206, true, 0]);
    expect(head.lines).toContain(line);
  },
);

type Answer = Pick<Kind, 'status' | 'line' | 'content'>;

const headOf = ({ status, line, content }: Answer): Buffer =>
  Buffer.from(`HTTP/1.1 ${status} X\r\n${TAG}\r\n${line}\r\nContent-Length: ${content.length}\r\n\r\n`);

const answer = (given: Answer): Buffer => Buffer.concat([headOf(given), given.content]);

/** Sends half of the content, and then closes the connection. */
async function half({ connection }: FileRequest, given: Answer): Promise<void> {
  await connection.write(headOf(given));
  await connection.write(given.content.subarray(0, given.content.length / 2));
  connection.end();
  await connection.closed;
}
