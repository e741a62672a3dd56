import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

/** What the origin server sees of `Max-Forwards`; null where it sees no request. */
const passedOn = async (
  net: Parameters<typeof through>[0],
  request: string,
  value: string,
): Promise<{ seen: string[] | null; status: number; allow: string | undefined }> => {
  let seen: RequestHead | null = null;
  const { client } = await through(
    net,
    respondWith((head) => {
      seen = head;
      return sized('');
    }),
  );
  await client.send(`${request} HTTP/1.1\r\nHost: test\r\nMax-Forwards: ${value}\r\n\r\n`);
  const { head } = await client.readResponse();
  return {
    seen: (seen as RequestHead | null)?.getAll('max-forwards') ?? null,
    status: head.status,
    allow: head.get('allow'),
  };
};

test('OPTIONS that may go one server further goes there with one less [RFC 9110 7.6.2]', async ({ net }) => {
  expect(await passedOn(net, 'OPTIONS /', '1')).toMatchObject({ seen: ['0'], status: 200 });
  expect(await passedOn(net, 'OPTIONS *', '10')).toMatchObject({ seen: ['9'], status: 200 });
});

test('OPTIONS that may go no further is answered by the proxy [RFC 9110 7.6.2]', async ({ net }) => {
  expect(await passedOn(net, 'OPTIONS /', '0')).toEqual({
    seen: null,
    status: 200,
    allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  });
});

test('OPTIONS that the proxy answers leaves its connection open [RFC 9112 9.3]', async ({ net }) => {
  const { client } = await through(net, respondWith(sized('from the origin server')));
  await client.send('OPTIONS / HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\n\r\n');
  expect((await client.readResponse()).head.get('connection')).toBe('keep-alive');
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('from the origin server');
});

test('Max-Forwards of other methods, and one that is no number, passes as it is [RFC 9110 7.6.2]', async ({
  net,
}) => {
  expect(await passedOn(net, 'GET /', '0')).toMatchObject({ seen: ['0'] });
  expect(await passedOn(net, 'OPTIONS /', 'many')).toMatchObject({ seen: ['many'] });
});

test('TRACE is not passed on, whatever its Max-Forwards: it would show what proxies add [RFC 9110 9.3.8]', async ({
  net,
}) => {
  for (const value of ['0', '1'])
    expect(await passedOn(net, 'TRACE /', value)).toMatchObject({ seen: null, status: 405 });
});
