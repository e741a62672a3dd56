import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { connectThrough, faces } from '../support/faces.js';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const SIZE = 1_000_000;
const file = seededBytes('range', 0, SIZE);

/** A file server as a browser meets it: one range, whole where the validator has changed. */
const serveFile = respondWith((head) => {
  const range = /^bytes=(\d+)-(\d*)$/.exec(head.get('range') ?? '');
  const validator = head.get('if-range') ?? '"v1"';
  const described = ['Accept-Ranges: bytes', 'ETag: "v1"', 'Content-Type: video/mp4'];
  if (range === null || validator !== '"v1"') return sized(file, described);
  const first = Number(range[1]);
  const last = range[2] === '' ? SIZE - 1 : Math.min(SIZE - 1, Number(range[2]));
  if (first >= SIZE) {
    const unsatisfied = [`Content-Range: bytes */${SIZE}`];
    return sized('', unsatisfied, 'HTTP/1.1 416 Range Not Satisfiable');
  }
  return sized(
    file.subarray(first, last + 1),
    [...described, `Content-Range: bytes ${first}-${last}/${SIZE}`],
    'HTTP/1.1 206 Partial Content',
  );
});

const DATE = 'Tue, 15 Nov 1994 12:45:26 GMT';

/** Fields that ask for a part or under a condition, joined by ` + `. */
const ASKING = [
  'Range: bytes=0-1',
  'Range: bytes=0-',
  'Range: bytes=-500',
  'Range: bytes=500-600,601-999, -1',
  'Range: bytes=',
  'Range: lines=1-2',
  'Range: bytes=9999999999999999999999-',
  'Range: bytes=5-9 + If-Range: "v1"',
  'If-Range: W/"v1" + Range: bytes=5-9',
  `Range: bytes=5-9 + If-Range: ${DATE}`,
  `If-None-Match: "a", W/"b" + If-Modified-Since: ${DATE}`,
  `If-Match: * + If-Unmodified-Since: ${DATE}`,
];

const MULTIPART = [
  '--part',
  'Content-Type: text/plain',
  'Content-Range: bytes 0-1/9',
  '',
  'ab',
  '--part',
  'Content-Range: bytes 7-8/9',
  '',
  'hi',
  '--part--',
  '',
].join('\r\n');

/** What an origin server may answer to such a request, whatever we think of it. */
const ANSWERS: Record<string, Buffer> = {
  'a 206': sized(
    'cde',
    ['Content-Range: bytes 2-4/9', 'ETag: "v1"', 'Content-Digest: md5=:cGFydA==:', 'Repr-Digest: md5=:YWxs:'],
    'HTTP/1.1 206 Partial Content',
  ),
  'a 206 of unknown total': sized('cde', ['Content-Range: bytes 2-4/*'], 'HTTP/1.1 206 Partial Content'),
  'a 206 of another range than was asked for': sized(
    'a',
    ['Content-Range: bytes 0-0/9'],
    'HTTP/1.1 206 Partial Content',
  ),
  'a 206 of several parts': sized(
    MULTIPART,
    ['Content-Type: multipart/byteranges; boundary=part'],
    'HTTP/1.1 206 Partial Content',
  ),
  'a 206 in chunks': Buffer.from(
    'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/9\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncde\r\n0\r\n\r\n',
  ),
  'a 200, whole': sized('abcdefghi', ['ETag: "v2"']),
  'a 200 that takes no ranges': sized('abcdefghi', ['Accept-Ranges: none']),
  'a 304': Buffer.from('HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\nContent-Length: 9\r\n\r\n'),
  'a 412': sized('changed', ['ETag: "v2"'], 'HTTP/1.1 412 Precondition Failed'),
  'a 416': sized('no', ['Content-Range: bytes */9'], 'HTTP/1.1 416 Range Not Satisfiable'),
};

const aboutRange = (lines: readonly string[]): string[] =>
  lines.filter((line) =>
    /^(content-(range|type|length|digest)|repr-digest|accept-ranges|etag|transfer-encoding):/i.test(line),
  );

/** A part in chunks gets the length that its `Content-Range` states. */
const lengthen = (head: string): string =>
  /^Content-Range/m.test(head) ? head.replace('Transfer-Encoding: chunked', 'Content-Length: 3') : head;

describe.each(faces)('through %s', (face) => {
  test.for(ASKING)(
    'a request with %s reaches the origin server with that, byte for byte [RFC 9110 14.2; RFC 9110 13.1]',
    async (asking, { net }) => {
      const lines = asking.split(' + ');
      let seen: RequestHead | undefined;
      const { client } = await connectThrough(
        net,
        face,
        respondWith((head) => {
          seen = head;
          return 'HTTP/1.1 204 No Content\r\n\r\n';
        }),
      );
      for (const method of ['GET', 'HEAD']) {
        await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n${lines.join('\r\n')}\r\n\r\n`);
        await client.readResponse({ method });
        expect(seen?.method).toBe(method);
        expect(seen?.lines.filter((line) => /^(range|if-)/i.test(line))).toEqual(lines);
      }
    },
  );

  test.for(Object.entries(ANSWERS))(
    '%s to a request for a range passes as it is, its digests too [RFC 9110 14.2; RFC 9110 15.3.7; RFC 9530 2; nginx]',
    async ([, answer], { net }) => {
      const { client } = await connectThrough(net, face, respondWith(answer));
      const [head = '', ...content] = answer.toString('latin1').split('\r\n\r\n');
      // What of others' files passes is ours to describe, and a part that has come proves that parts are to be had.
      const proves = face === 'streamFrom' && /^Content-Range/m.test(head) && !/^Accept-Ranges/m.test(head);
      const added = proves && head.startsWith('HTTP/1.1 206') ? ['Accept-Ranges: bytes'] : [];
      for (let i = 0; i < 2; i++) {
        await client.get('/', ['Range: bytes=2-4', 'If-Range: "v1"']);
        const response = await client.readResponse();
        expect(response.head.startLine).toBe(head.split('\r\n', 1)[0]);
        expect(aboutRange(response.head.lines).toSorted()).toEqual(
          [...aboutRange(lengthen(head).split('\r\n').slice(1)), ...added].toSorted(),
        );
        const isInChunks = head.includes('Transfer-Encoding');
        const expected = isInChunks ? 'cde' : content.join('\r\n\r\n');
        expect(response.content.toString('latin1')).toBe(expected);
        expect(response).toMatchObject({ complete: true, ended: undefined });
      }
    },
  );

  test('Safari plays: its probe for two bytes and its bytes=0- both get a 206 with the total [WebKit]', async ({
    net,
  }) => {
    const { client } = await connectThrough(net, face, serveFile);
    for (const [range, first, last] of [
      ['bytes=0-1', 0, 1],
      ['bytes=0-', 0, SIZE - 1],
      [`bytes=65536-${SIZE - 1}`, 65_536, SIZE - 1],
    ] as const) {
      await client.get('/', ['X-Playback-Session-Id: 1', `Range: ${range}`, 'Accept-Encoding: identity']);
      const response = await client.readResponse();
      expect(response.head.status).toBe(206);
      expect(response.head.get('content-range')).toBe(`bytes ${first}-${last}/${SIZE}`);
      expect(response.head.get('accept-ranges')).toBe('bytes');
      expect(response).toMatchObject({
        complete: true,
        delimitedBy: 'length',
        contentLength: last - first + 1,
      });
      expect(isSeeded('range', first, response.content)).toBe(true);
    }
  });

  test.for([
    ['"v1"', 206],
    ['"v0"', 200],
    ['W/"v1"', 200],
    [DATE, 200],
  ] as const)(
    'If-Range: %s is for the origin server to judge: %i [RFC 9110 13.1.5; nginx]',
    async ([validator, status], { net }) => {
      const { client } = await connectThrough(net, face, serveFile);
      await client.get('/', ['Range: bytes=999990-', `If-Range: ${validator}`]);
      const response = await client.readResponse();
      expect(response.head.status).toBe(status);
      expect(response.contentLength).toBe(status === 206 ? 10 : SIZE);
      expect(isSeeded('range', status === 206 ? SIZE - 10 : 0, response.content)).toBe(true);
    },
  );

  test('a download of which each part is asked for anew is whole [RFC 9110 14; curl]', async ({ net }) => {
    const { client } = await connectThrough(net, face, serveFile);
    const parts: Buffer[] = [];
    for (let at = 0; at < SIZE; at += 77_777) {
      await client.get('/', [`Range: bytes=${at}-${at + 77_776}`, 'If-Range: "v1"']);
      const response = await client.readResponse();
      expect(response.head.status).toBe(206);
      parts.push(response.content);
    }
    await client.get('/', [`Range: bytes=${SIZE}-`]);
    const beyond = await client.readResponse();
    expect(beyond.head.status).toBe(416);
    expect(beyond.head.get('content-range')).toBe(`bytes */${SIZE}`);
    expect(Buffer.concat(parts).equals(file)).toBe(true);
  });

  test('nothing about ranges is made up for an origin server that says nothing [nginx]', async ({ net }) => {
    const { client } = await connectThrough(net, face, respondWith(sized('abc')));
    await client.get('/', ['Range: bytes=1-1']);
    const response = await client.readResponse();
    expect(response.head.startLine).toBe('HTTP/1.1 200 OK');
    expect(aboutRange(response.head.lines)).toEqual(['Content-Length: 3']);
    expect(response.content.toString()).toBe('abc');
  });
});

test('Range of a POST passes as it is: the origin server ignores it [RFC 9110 14.2]', async ({ net }) => {
  const { client } = await through(
    net,
    respondWith((head, content) => sized(content, [`X-Range: ${head.get('range')}`])),
  );
  await client.send('POST / HTTP/1.1\r\nHost: test\r\nRange: bytes=1-1\r\nContent-Length: 5\r\n\r\nhello');
  const response = await client.readResponse();
  expect(response.head.get('x-range')).toBe('bytes=1-1');
  expect(response.content.toString()).toBe('hello');
});
