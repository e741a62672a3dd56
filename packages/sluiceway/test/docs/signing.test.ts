import { expect, test } from 'vitest';
import { hexOf } from '../support/digests.js';
import { keys, linksOf } from '../support/grants.js';
import { bare, readPage, tableUnder } from './support/markdown.js';

const page = readPage('docs/signing.md');

test('the parameters of a signed link are those of the page, in its order', () => {
  const link = linksOf('signed').sign({
    url: 'https://a.example/',
    expires: '1h',
    filename: 'a',
    disposition: 'inline',
    contentType: 'a/b',
    methods: ['GET'],
    mirrors: ['https://b.example/'],
    digest: hexOf('a'),
    maxBytes: 1,
    rate: 1,
    clientIp: '::1',
    singleUse: true,
  });
  const [query = '', signature] = (link.split('?')[1] ?? '').split('&signature=');
  expect(signature).toHaveLength(43);
  const names = query.split('&').map((parameter) => parameter.split('=')[0]);
  expect(tableUnder(page, 'parameters').map(([name = '']) => bare(name))).toEqual(names);
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
