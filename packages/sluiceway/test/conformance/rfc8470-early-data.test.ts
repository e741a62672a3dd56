import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

test('Early-Data reaches the origin server, and its 425 the client, who may try again [RFC 8470 5.1; RFC 8470 5.2]', async ({
  net,
}) => {
  const { client, running } = await through(
    net,
    respondWith((head) => {
      const early = head.getAll('early-data');
      return early.length > 0
        ? sized(head.lines.filter((line) => /^early-data/i.test(line)).join(), [], 'HTTP/1.1 425 Too Early')
        : sized('done');
    }),
  );
  await client.get('/', ['Early-Data: 1']);
  const early = await client.readResponse();
  expect(early.head.startLine).toBe('HTTP/1.1 425 Too Early');
  expect(early.content.toString()).toBe('Early-Data: 1');
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('done');
  expect(await running.record()).toMatchObject({ status: 425, outcome: 'completed' });
});

test('Early-Data is not removed because a client names it in Connection [RFC 8470 5.1]', async ({ net }) => {
  const { client } = await through(
    net,
    respondWith((head) => sized(head.getAll('early-data').join())),
  );
  await client.get('/', ['Connection: Early-Data', 'Early-Data: 1']);
  expect((await client.readResponse()).content.toString()).toBe('1');
});
