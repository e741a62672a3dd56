import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { sized, through } from '../support/through.js';

const OK = 'HTTP/1.1 200 OK\r\n';
const END = 'Content-Length: 0\r\n\r\n';

const GARBAGE: Record<string, string> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.6\r\n',
  'binary noise': '\x00\x01\x02\xff\xfe\r\n\r\n',
  'HTTP/2 frames': '\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03',
  'a status line without a version': `200 OK\r\n${END}`,
  'HTTP/2.0 in the status line': `HTTP/2.0 200 OK\r\n${END}`,
  'HTTP/0.9 in the status line': `HTTP/0.9 200 OK\r\n${END}`,
  'a lower-case http': `http/1.1 200 OK\r\n${END}`,
  'a status of two digits': `HTTP/1.1 20 OK\r\n${END}`,
  'a status of four digits': `HTTP/1.1 2000 OK\r\n${END}`,
  'a status of 099': `HTTP/1.1 099 OK\r\n${END}`,
  'a status with letters': `HTTP/1.1 2x0 OK\r\n${END}`,
  'two spaces in the status line': `HTTP/1.1  200 OK\r\n${END}`,
  'a tab in the status line': `HTTP/1.1\t200 OK\r\n${END}`,
  'an empty line first': `\r\n${OK}${END}`,
  'NUL in the phrase': `HTTP/1.1 200 O\0K\r\n${END}`,
  'a bare LF after the status line': `HTTP/1.1 200 OK\nContent-Length: 0\n\n`,
  'a bare LF after a field': `${OK}X-A: b\n${END}`,
  'a bare LF in a value': `${OK}X-A: b\nX-B: c\r\n${END}`,
  'a bare CR in a value': `${OK}X-A: b\rX-B: c\r\n${END}`,
  'a bare CR at the end of a value': `${OK}X-A: b\r\r\n${END}`,
  'NUL in a value': `${OK}X-A: b\0c\r\n${END}`,
  'DEL in a value': `${OK}X-A: b\x7fc\r\n${END}`,
  'a control character in a value': `${OK}X-A: b\x01c\r\n${END}`,
  'a field without a colon': `${OK}X-A\r\n${END}`,
  'a field without a name': `${OK}: a\r\n${END}`,
  'a space in a name': `${OK}X A: b\r\n${END}`,
  'a byte above 0x7F in a name': `${OK}X-\xc4: b\r\n${END}`,
  'a folded line before the first field': `${OK} folded: x\r\n${END}`,
  'two Content-Length lines': `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
  'two equal Content-Length lines': `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  'a list in Content-Length': `${OK}Content-Length: 5, 5\r\n\r\nhello`,
  'a signed Content-Length': `${OK}Content-Length: +5\r\n\r\nhello`,
  'a negative Content-Length': `${OK}Content-Length: -1\r\n\r\n`,
  'a hexadecimal Content-Length': `${OK}Content-Length: 0x5\r\n\r\nhello`,
  'an empty Content-Length': `${OK}Content-Length:\r\n\r\nhello`,
  'a Content-Length above 2^53': `${OK}Content-Length: 99999999999999999999\r\n\r\n`,
  'Content-Length and Transfer-Encoding': `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  'Transfer-Encoding of gzip': `${OK}Transfer-Encoding: gzip\r\n\r\nxxxx`,
  'Transfer-Encoding of gzip, chunked': `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'Transfer-Encoding of chunked twice': `${OK}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
  'two Transfer-Encoding lines': `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'Transfer-Encoding of identity': `${OK}Transfer-Encoding: identity\r\n\r\nxxxx`,
  'Transfer-Encoding in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'more bytes than a head may have': `${OK}X-A: ${'x'.repeat(70_000)}\r\n${END}`,
  'more bytes than a head may have, over many fields': `${OK}${`X-A: ${'x'.repeat(1000)}\r\n`.repeat(70)}${END}`,
  'more fields than a head may have': `${OK}${'X-A: b\r\n'.repeat(300)}${END}`,
  'a status line without an end': `HTTP/1.1 200 ${'x'.repeat(70_000)}`,
  'a 103 with a bad field': `HTTP/1.1 103 Early Hints\r\nX A: b\r\n\r\n${OK}${END}`,
};

describe('a response head with', () => {
  test.for(Object.entries(GARBAGE))(
    '%s is answered 502, its connection closed, nothing of it relayed [RFC 9112 4; RFC 9112 5; RFC 9112 6.3; nginx]',
    async ([name, head], { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        if (connection.index > 0) await connection.write(sized('a good one'));
        else await connection.write(head);
        await connection.readAll();
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(response).toMatchObject({ complete: true, ended: undefined });
      expect(response.content.toString()).not.toContain('hello');
      const record = await running.record();
      expect(record.outcome).toBe('upstream_invalid');
      if (name.startsWith('more ')) expect(record.error).toBe('http_response_header_section_size');
      await origin.connections[0]?.closed;

      // Nothing of it is left behind for the next request.
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('a good one');
      expect(origin.total).toBe(2);
    },
  );
});

test('a head of just under 64 KiB passes [nginx]', async ({ net }) => {
  const value = 'x'.repeat(60_000);
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(
      `${OK}X-Large: ${value}\r\n${'X-A: b\r\n'.repeat(250)}Content-Length: 5\r\n\r\nhello`,
    );
    await connection.readAll();
  });
  await client.get('/');
  const response = await client.readResponse();
  expect(response.head.get('x-large')).toBe(value);
  expect(response.head.getAll('x-a')).toHaveLength(250);
  expect(response.content.toString()).toBe('hello');
});

test('a flood of interim responses is answered 502 [RFC 9110 15.2]', async ({ net }) => {
  const { client, running, origin } = await through(net, async (connection) => {
    await connection.readHead();
    for (let i = 0; i < 1000; i++) await connection.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(10));
  });
  await client.get('/');
  const response = await client.readResponse();
  // The rate allows a few more while they arrive.
  expect(response.interim.length).toBeGreaterThanOrEqual(500);
  expect(response.interim.length).toBeLessThan(5000);
  expect(response.head.status).toBe(502);
  expect((await running.record()).outcome).toBe('upstream_invalid');
  await origin.connections[0]?.closed;
});
