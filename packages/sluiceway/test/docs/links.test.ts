import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codesIn, type Page, readPage, repositoryRoot, userPages } from './support/markdown.js';

const pages = [
  ...new Set([
    ...userPages,
    ...readdirSync(repositoryRoot).filter((name) => name.endsWith('.md')),
    'bench/README.md',
  ]),
].map(readPage);

/** The only other places that pages may send a reader to. */
const hosts = new Set(['keepachangelog.com', 'letsencrypt.org', 'semver.org']);

/** What the pages of a repository call a heading (GitHub's rule). */
function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>();
  for (const line of page.prose) {
    const heading = /^#{1,6} +(.+?) *$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-');
    let anchor = base;
    for (let i = 1; anchors.has(anchor); i += 1) anchor = `${base}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The targets of links, also of those defined below (`[name]: target`), and of images, with the line of each. */
function linksOf(page: Page): [where: string, target: string][] {
  return page.prose.flatMap((line, index) =>
    Array.from(
      line.matchAll(/\]\(([^()\s]+)\)|^\[[^\]]+\]: (\S+)$/g),
      ([, inline, defined]): [string, string] => [`${page.path}:${index + 1}`, inline ?? defined ?? ''],
    ),
  );
}

/** Why a link leads nowhere; null where it leads somewhere. */
function problemOf(page: Page, target: string): string | null {
  if (/^[a-z]+:/i.test(target))
    return hosts.has(new URL(target).hostname) ? null : 'leads to an unknown host';
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? page.path : normalize(join(dirname(page.path), path));
  if (file.startsWith('..')) return 'leads out of the repository';
  if (page.path.startsWith('packages/') && path !== '') return 'leads out of what is published';
  // A run of the bench makes these, all at once.
  if (file.startsWith('bench/results/') && !existsSync(join(repositoryRoot, 'bench/results'))) return null;
  if (!existsSync(join(repositoryRoot, file))) return 'leads to no file';
  if (anchor === undefined) return null;
  if (!statSync(join(repositoryRoot, file)).isFile() || !anchorsOf(readPage(file)).has(anchor))
    return 'leads to no heading';
  return null;
}

describe('every link leads somewhere', () => {
  test.for(pages.map((page) => [page.path, page] as const))('in %s', ([, page]) => {
    const problems = linksOf(page).map(([where, target]) => [where, target, problemOf(page, target)]);
    expect(problems.filter(([, , problem]) => problem !== null)).toEqual([]);
  });
});

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(readPage('package.json').lines.join('\n')) as {
    scripts: Record<string, string>;
  };
  const named = pages.flatMap((page) =>
    codesIn(page.prose.join(' ')).flatMap((code) => /^npm run ([\w:-]+)/.exec(code)?.[1] ?? []),
  );
  expect(named).toContain('bench');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test('the index of the documentation links every page in docs', () => {
  const linked = linksOf(readPage('docs/README.md')).map(([, target]) => `docs/${target.split('#', 1)[0]}`);
  const others = userPages.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md');
  expect(others.filter((path) => !linked.includes(path))).toEqual([]);
});

test('every source file and test helper that CONTRIBUTING.md names exists', () => {
  const page = readPage('CONTRIBUTING.md').prose.join('\n');
  const paths = [...page.matchAll(/`((?:[\w-]+\/)*[\w-]+\.ts)`/g)].map(([, path]) => path ?? '');
  expect(paths.length).toBeGreaterThan(50);
  const folders = ['', 'packages/sluiceway/src', 'packages/sluiceway/test/support'];
  const missing = paths.filter(
    (path) => !folders.some((folder) => existsSync(join(repositoryRoot, folder, path))),
  );
  expect(missing).toEqual([]);
});
