import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TestModule } from 'vitest/node';
import { findProblems } from '../../../../scripts/conformance/behaviours.mjs';
import { formatList } from '../../../../scripts/conformance/list.mjs';
import { compareRows, readRows, rowOf } from '../../../../scripts/conformance/rows.mjs';
import { readTitles } from '../../../../scripts/conformance/titles.mjs';
import { repositoryRoot } from './support/markdown.js';

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

test('the list shows odd characters, and they do not act as Markdown', () => {
  const behaviour = {
    text: 'a|b `|` *c* <d> [e](f)\r\n\u200b',
    sources: ['Node'],
    file: 'packages/x/test/y.test.ts',
  };
  const line = '| a\\|b `\\|` \\*c\\* \\<d\\> \\[e\\](f)\\\\r\\\\n\\\\u200b | Node | [x/y] |';
  expect(formatList([behaviour])).toContain(`${line}\n\n[x/y]: ../packages/x/test/y.test.ts\n`);
});

describe('rows of the conformance page', () => {
  const rows = readRows(
    '| RFC 9110 8.8 | Validators | x |\n| RFC 9530 | Digests | x |\n| nginx | none | x |\n',
  );
  const behaviour = (...sources: string[]) => ({ text: 'x', sources, file: 'packages/x/test/y.test.ts' });

  test.for([
    ['RFC 9110 8.8', 'RFC 9110 8.8'],
    ['RFC 9110 8.8.2.2', 'RFC 9110 8.8'],
    ['RFC 9530 6.2', 'RFC 9530'],
    ['RFC 9110 8', undefined],
    ['RFC 9110 8.80', undefined],
  ] as const)('%s is covered by %s', ([source, row]) => {
    expect(rowOf(rows, source)).toBe(row);
  });

  test('a standard without a row and a row without a test are problems; peers need no row', () => {
    expect(compareRows(rows, [behaviour('RFC 9110 8.8.1', 'nginx'), behaviour('RFC 9112 6.3')])).toEqual([
      'docs/conformance.md: no row covers RFC 9112 6.3, which tests name',
      'docs/conformance.md: no test names the row RFC 9530, nor a section in it',
    ]);
  });
});

/** What `npm test` compares with the page after a run of all tests: the titles of its modules. */
test('a run whose tests name a standard without a row, or an odd source, has problems', () => {
  const module = (name: string, title: string) => ({
    project: { name },
    moduleId: join(repositoryRoot, 'packages/x/test/y.test.ts'),
    children: { allTests: () => [{ name: title, parent: { type: 'module' } }] },
  });
  const modules = [
    module('source', 'a title [RFC 1 99]'),
    module('alone', 'another [rfc 9110]'),
    module('public', 'no behaviour [RFC 2 99]'),
  ];
  const problems = findProblems(modules as unknown as TestModule[]);
  expect(problems).toContain('docs/conformance.md: no row covers RFC 1 99, which tests name');
  expect(problems.some((problem) => problem.startsWith('packages/x/test/y.test.ts: '))).toBe(true);
  expect(problems.join('\n')).not.toContain('RFC 2 99');
  expect(problems.length).toBeGreaterThan(50);
});
