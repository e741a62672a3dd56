import { Transform } from 'node:stream';
import { describe, expect } from 'vitest';
import { createDownloadGateway } from '../../src/gateway.js';
import { type Network, test } from '../support/fixture.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { chunked, sized, through } from '../support/through.js';

const limits = { responseContent: 8 };

/** Sends every byte twice. */
const doubling = (): Transform =>
  new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      callback(null, Buffer.concat([chunk, chunk]));
    },
  });

const limited = (net: Network, script: OriginScript) => through(net, script, { limits, resume: false });

describe('a limit of the content of responses', () => {
  test('passes what is as long as it allows, and answers 502 for what announces more [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await limited(
      net,
      respondWith(({ target }) => sized('a'.repeat(Number(target.slice(1))))),
    );
    await client.get('/8');
    expect((await client.readResponse()).content.toString()).toBe('aaaaaaaa');
    await client.get('/9');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record(1)).toMatchObject({ outcome: 'limited' });
  });

  test('answers HEAD as it would answer GET, and lets 304 pass [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await limited(
      net,
      respondWith(({ method }) =>
        method === 'HEAD'
          ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n'
          : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      ),
    );
    await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(502);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(304);
  });

  test('breaks off what passes it, so that the client can tell [RFC 9112 8]', async ({ net }) => {
    const { client, running } = await limited(net, respondWith(chunked(['aaaa', 'bbbb', 'c'])));
    await client.get('/');
    await client.readHead();
    const rest = await client.readUntilClose();
    expect(rest.bytes.toString()).not.toMatch(/c|0\r\n\r\n/);
    expect((await running.record()).outcome).toBe('limited');
  });

  test('counts what a transform makes of the content [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('aaaaa')), {
      limits,
      resume: false,
      transform: { response: { changesContent: true, create: () => doubling() } },
    });
    await client.get('/');
    const { bytes } = await client.readUntilClose();
    expect(bytes.toString()).not.toContain('0\r\n\r\n');
  });

  test('holds for streamFrom [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('a'.repeat(9))));
    const { client } = await streaming(net, `${origin.url}/file`, { addresses: 'any', limits });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  test('is fileBytes in a gateway [Sluiceway]', () => {
    const create = () =>
      createDownloadGateway({
        unsigned: true,
        guard: { allowHosts: ['*'] },
        limits: { responseContent: 8 } as never,
      });
    expect(problemsOf(create)).toEqual([expect.stringMatching(/^limits\.responseContent is not an option/)]);
  });
});
