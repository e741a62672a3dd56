import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { describe, expect } from 'vitest';
import type { LiveTransfer, Observer } from '../../src/index.js';
import { isSeeded, seededBytes, seededDigest } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';
import { upperCase } from '../support/transforms.js';
import { until } from '../support/until.js';

/** Digests the content of each transfer, by its path. */
class Digests implements Observer {
  readonly #hashes = new Map<string, ReturnType<typeof createHash>>();
  readonly done = new Map<string, string>();

  onTransferStart({ id }: LiveTransfer): void {
    this.#hashes.set(id, createHash('sha256'));
  }

  onResponseContent({ id }: LiveTransfer, bytes: Uint8Array): void {
    this.#hashes.get(id)?.update(bytes);
  }

  onTransferEnd({ id, path }: { id: string; path: string }): void {
    this.done.set(path, this.#hashes.get(id)?.digest('hex') ?? '');
  }

  async of(path: string): Promise<string> {
    await until(() => this.done.has(path), `the transfer of ${path} had ended`);
    return this.done.get(path) as string;
  }
}

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

function collectWarnings(net: Network): Error[] {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  net.cleanup(() => process.off('warning', onWarning));
  return warnings;
}

describe('an observer of response content', () => {
  test.for([0, 1, 64 * 1024, 1024 * 1024 + 1, 20_000_000])(
    'sees every byte that the client gets, in order, and changes none: %d bytes, sized and chunked [Sluiceway]',
    async (size, { net }) => {
      const content = seededBytes('observed', 0, size);
      const digests = new Digests();
      const { client } = await through(
        net,
        respondWith(({ target }) =>
          target === '/sized' ? sized(content, ['ETag: "x"']) : chunked(size === 0 ? [] : [content]),
        ),
        { observers: [digests] },
      );
      for (const path of ['/sized', '/chunked']) {
        await client.get(path);
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: true, contentLength: size });
        expect(response.head.contentLength).toBe(path === '/sized' ? size : undefined);
        expect(isSeeded('observed', 0, response.content)).toBe(true);
        expect(await digests.of(path)).toBe(seededDigest('observed', size));
      }
    },
  );

  test('sees what a transform has made of content, and what hooks answer [Sluiceway]', async ({ net }) => {
    const digests = new Digests();
    const { client } = await through(net, respondWith(sized('content')), {
      observers: [digests],
      onRequest: ({ request: { path } }) => (path === '/own' ? { status: 200, content: 'own' } : undefined),
      onUpstreamResponse({ response, request }) {
        if (request.path === '/replaced') response.content = 'replaced';
      },
      transform: { response: { changesContent: true, create: () => [new PassThrough(), upperCase()] } },
    });
    for (const [path, expected] of [
      ['/', 'CONTENT'],
      ['/own', 'own'],
      ['/replaced', 'replaced'],
    ] as const) {
      await client.get(path);
      expect((await client.readResponse()).content.toString()).toBe(expected);
      expect(await digests.of(path)).toBe(digestOf(expected));
    }
  });

  test('sees the numbers of the transfer with it [Sluiceway]', async ({ net }) => {
    const seen: unknown[] = [];
    const { client } = await through(net, respondWith(sized('content')), {
      observers: [
        {
          onResponseContent: ({ path, status, bytesDown }, bytes) =>
            void seen.push([path, status, bytesDown, Buffer.from(bytes).toString()]),
        },
      ],
    });
    await client.get('/file');
    await client.readResponse();
    expect(seen).toEqual([['/file', 200, 0, 'content']]);
  });

  test('that throws is a warning, once for each transfer, and is shown no more of it; others are [Sluiceway]', async ({
    net,
  }) => {
    const warnings = collectWarnings(net);
    const digests = new Digests();
    let calls = 0;
    const { client } = await through(
      net,
      respondWith(chunked(Array.from({ length: 50 }, (_, index) => `chunk ${index}`))),
      {
        observers: [
          {
            onResponseContent() {
              calls += 1;
              throw new Error('of the observer');
            },
          },
          digests,
        ],
      },
    );
    for (const path of ['/1', '/2']) {
      await client.get(path);
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(await digests.of(path)).toBe(digestOf(response.content));
    }
    expect(calls).toBe(2);
    await until(() => warnings.length === 2, 'both warnings had come');
    expect(warnings[0]?.message).toBe('of the observer');
  });

  test('that rejects is a warning, once for each transfer [Sluiceway]', async ({ net }) => {
    const warnings = collectWarnings(net);
    const { client } = await through(net, respondWith(chunked(['a', 'b', 'c'])), {
      observers: [
        {
          // oxlint-disable-next-line typescript/no-misused-promises -- what applications write all the same
          onResponseContent: async () => {
            await Promise.resolve();
            throw new Error('of the observer');
          },
        },
      ],
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('abc');
    await until(() => warnings.length > 0, 'the warning had come');
    await client.get('/');
    await client.readResponse();
    await until(() => warnings.length === 2, 'the warning of the second transfer had come');
  });
});

test('hooks that change nothing leave every byte of a file as it is [Sluiceway]', async ({ net }) => {
  const size = 3_000_000;
  const { client } = await through(net, respondWith(sized(seededBytes('hooked', 0, size), ['ETag: "x"'])), {
    onRequest: () => {},
    onUpstreamRequest: () => {},
    onUpstreamResponse: () => {},
    onError: () => {},
    observers: [{ onTransferStart: () => {}, onResponseContent: () => {}, onTransferEnd: () => {} }],
    transform: { response: { changesContent: false, create: () => new PassThrough() } },
  });
  await client.get('/');
  const response = await client.readResponse();
  expect(response.head.get('etag')).toBe('"x"');
  expect(response.head.contentLength).toBe(size);
  expect(isSeeded('hooked', 0, response.content)).toBe(true);
});
