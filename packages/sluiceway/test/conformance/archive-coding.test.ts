import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';

const LABELLED = ['Content-Type: application/x-tar', 'Content-Encoding: gzip', 'ETag: "a"'];

const served = (lines: readonly string[]) => respondWith(sized('archive', lines));

describe("archiveCoding: 'remove'", () => {
  const options = { archiveCoding: 'remove' } as const;

  test.for([
    ['/a.tar.gz', 'gzip', 'application/gzip'],
    ['/a.tgz?version=1', 'X-GZip', 'application/gzip'],
    ['/dump.sql.gz', 'gzip', 'application/gzip'],
    ['/a.tar.bz2', 'bzip2', 'application/x-bzip2'],
    ['/a.txz', 'xz', 'application/x-xz'],
    ['/a.tar.zst', 'zstd', 'application/zstd'],
    ['/a.tar.Z', 'compress', 'application/x-compress'],
  ])(
    'removes from %s the label %s, and all else stays [Sluiceway]',
    async ([path, coding, type], { net }) => {
      const lines = ['Content-Type: application/x-tar', `Content-Encoding: ${coding}`, 'ETag: "a"'];
      const { client } = await through(net, served(lines), options);
      for (const method of ['GET', 'HEAD']) {
        await client.send(`${method} ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
        const { head, content } = await client.readResponse({ method });
        expect(head.has('content-encoding')).toBe(false);
        expect([head.get('content-type'), head.get('etag'), head.get('content-length')]).toEqual([
          type,
          '"a"',
          '7',
        ]);
        expect(content.toString()).toBe(method === 'GET' ? 'archive' : '');
      }
    },
  );

  test.for([
    ['a file with another name', '/a.tar', LABELLED],
    ['a file whose name says something else', '/a.tar.bz2', LABELLED],
    ['a part of a page', '/app.js.gz', ['Content-Type: text/javascript', 'Content-Encoding: gzip']],
    ['a picture', '/a.svg.gz', ['Content-Type: image/svg+xml', 'Content-Encoding: gzip']],
    [
      'an archive that was compressed once more',
      '/a.tar.gz',
      ['Content-Type: application/gzip', 'Content-Encoding: gzip'],
    ],
    ['two codings', '/a.tar.gz', ['Content-Encoding: gzip, br']],
    ['no name but a query', '/get?a.tar.gz', LABELLED],
  ] as const)('leaves %s as it is [RFC 9110 8.4]', async ([, path, lines], { net }) => {
    const { client } = await through(net, served(lines), options);
    await client.get(path);
    const { head } = await client.readResponse();
    for (const line of lines) expect(head.lines).toContain(line);
  });
});

test('archives keep their label through createProxy, and lose it through streamFrom and a gateway, by default [Sluiceway]', async ({
  net,
}) => {
  const { client } = await through(net, served(LABELLED));
  await client.get('/a.tar.gz');
  expect((await client.readResponse()).head.get('content-encoding')).toBe('gzip');

  const origin = await net.origin(served([...LABELLED, 'Connection: close']));
  for (const [given, coding] of [
    [{}, undefined],
    [{ archiveCoding: 'pass' }, 'gzip'],
  ] as const) {
    const { client: streamed } = await streaming(net, `${origin.url}/a.tar.gz`, {
      addresses: 'any',
      ...given,
    });
    await streamed.get('/');
    expect((await streamed.readResponse()).head.get('content-encoding')).toBe(coding);

    const gateway = await throughGateway(net, served(LABELLED), given);
    await gateway.client.get(gateway.link('/a.tar.gz'));
    expect((await gateway.client.readResponse()).head.get('content-encoding')).toBe(coding);
  }
});
