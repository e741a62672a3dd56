import { describe, expect } from 'vitest';
import { formatTransferJson, formatTransferText } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

describe('the record of a transfer that failed', () => {
  test('says why in words, which the client does not get [Sluiceway]', async ({ net }) => {
    // Where nobody listens.
    const port = 1;
    const running = await net.proxy({ upstream: `http://127.0.0.1:${port}` });
    const client = await net.client(running);
    await client.get('/a?secret=1');
    const response = await client.readResponse();
    const record = await running.record();
    expect(record).toMatchObject({ error: 'connection_refused', path: '/a?…' });
    expect(record.errorMessage).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`);
    expect(JSON.parse(formatTransferJson(record))).toMatchObject({ errorMessage: record.errorMessage });
    expect(formatTransferText(record)).toContain(
      ` error=connection_refused errorMessage="connect ECONNREFUSED 127.0.0.1:${port}" `,
    );
    expect(`${response.head.lines.join()}${response.content.toString()}`).not.toContain('127.0.0.1');
  });

  test('says what broke in the middle of content [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      connection.end();
    });
    await client.get('/');
    await client.readResponse();
    expect((await running.record()).errorMessage).toContain('4 of 10');
  });

  test('says what a hook has thrown, without the secrets in it [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized('')), {
      onUpstreamRequest() {
        throw new Error('https://me:hush@db.internal/keys?key=hush answered 500 to "Bearer hush123"');
      },
    });
    await client.get('/');
    await client.readResponse();
    const { errorMessage } = await running.record();
    expect(errorMessage).toContain('https://db.internal/… answered 500');
    expect(errorMessage).not.toContain('hush');
  });

  test('has no words where nothing failed [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized('whole')));
    await client.get('/');
    await client.readResponse();
    const record = await running.record();
    expect(record).toMatchObject({ error: null, errorMessage: null });
    expect(formatTransferText(record)).toContain(' error=- errorMessage=- ');
  });
});
