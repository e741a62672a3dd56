import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPage } from '../../../../scripts/conformance/page.mjs';
import { readTitles } from '../../../../scripts/conformance/titles.mjs';
import { repositoryRoot } from './support/markdown.js';

test('the page of conformance is what the titles of the tests say', { timeout: 60_000 }, () => {
  // What vitest tells its workers would be taken by the vitest inside for its own.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const script = join(repositoryRoot, 'scripts/conformance.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8', env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the sources of a behaviour are those of all its titles, which read as one line', () => {
  const titles = ['trailers [RFC 9110 6.5]', 'after no content pass [Go ReverseProxy; RFC 9110 6.5]'];
  expect(readTitles(titles)).toEqual({
    behaviour: { text: 'trailers after no content pass', sources: ['RFC 9110 6.5', 'Go ReverseProxy'] },
    problems: [],
  });
});

test.for(['a title', 'an address [::1]', 'a literal [64:ff9b::1]', 'a list [1, 2]', '[RFC 9110] first'])(
  '"%s" names no source',
  (title) => {
    expect(readTitles([title])).toEqual({ behaviour: null, problems: [] });
  },
);

test.for([
  'RFC 9110',
  'RFC 9112 A.1',
  'RFC 9113 8.1.1',
  'CVE-2021-33197',
  'Go ReverseProxy',
  'nginx',
  'Node',
])('%s is a source', (source) => {
  expect(readTitles([`a title [${source}]`]).problems).toEqual([]);
});

test.for(['RFC9110 7.6', 'RFC 9110 section 7', 'RFC 9110 7.', 'rfc 9110', 'Nginx', 'RFC 9110, nginx', 'a; '])(
  '%s is no source',
  (source) => {
    expect(readTitles([`a title [${source}]`]).problems).not.toEqual([]);
  },
);

test('a row shows odd characters, and they do not act as Markdown', () => {
  const row = {
    text: 'a|b `|` *c* <d> [e](f)\r\n\u200b',
    sources: ['Node'],
    file: 'packages/x/test/y.test.ts',
  };
  const page = formatPage([row], []);
  const line = '| a\\|b `\\|` \\*c\\* \\<d\\> \\[e\\](f)\\\\r\\\\n\\\\u200b | Node | [x/y] |';
  expect(page).toContain(`${line}\n\n[x/y]: ../packages/x/test/y.test.ts\n`);
});
