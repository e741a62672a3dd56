import { expect, test } from 'vitest';
import type { GrantOptions } from '../../src/gateway.js';
import { hexOf } from '../support/digests.js';
import { keys, linksOf } from '../support/grants.js';
import { bare, readPage, tableUnder } from './support/markdown.js';

const page = readPage('docs/signing.md');

test('the parameters of a signed link are those of the page, in its order', () => {
  const grant: GrantOptions = {
    url: 'https://a.example/',
    expires: '1h',
    filename: 'a',
    disposition: 'inline',
    contentType: 'a/b',
    methods: ['GET'],
    mirrors: ['https://b.example/'],
    size: 1,
    acceptEncoding: 'identity',
    maxBytes: 1,
    rate: 1,
    clientIp: '::1',
    singleUse: true,
  };
  // These two exclude each other.
  const links = [{ digest: hexOf('a') }, { digestSidecar: 'SHA256SUMS' }].map((own) =>
    linksOf('signed').sign({ ...grant, ...own }),
  );
  const names = links.flatMap((link) => {
    const [query = '', signature] = (link.split('?')[1] ?? '').split('&signature=');
    expect(signature).toHaveLength(43);
    return query.split('&').map((parameter) => parameter.split('=')[0]);
  });
  expect(tableUnder(page, 'parameters').map(([name = '']) => bare(name))).toEqual(
    Array.from(new Set(names)).toSorted((a = '', b = '') => (a < b ? -1 : 1)),
  );
});

test('the bytes before the ciphertext of an encrypted link are those of the page', () => {
  const token =
    linksOf('encrypted').sign({ url: 'https://a.example/', expires: '1h' }).split('link=')[1] ?? '';
  const bytes = Buffer.from(token, 'base64url');
  const id = keys[0]?.id ?? '';
  expect(bytes.subarray(0, 2 + id.length).toString()).toBe(`\x01\x02${id}`);
  const json = JSON.stringify({ url: 'https://a.example/', expires: 2_000_000_000 });
  expect(bytes).toHaveLength(2 + id.length + 16 + json.length + 16);
});
