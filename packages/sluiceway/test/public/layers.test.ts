import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findLayerProblems } from '../../../../scripts/check-layers.mjs';

test('the sources keep to the layers in docs/ARCHITECTURE.md', () => {
  expect(findLayerProblems()).toEqual([]);
});

const library = 'packages/sluiceway/src';
const program = 'packages/server/src';

/** A tree that is as it should be, which each test then spoils in one place. */
const goodTree: Record<string, string> = {
  'docs/ARCHITECTURE.md': `
    text
<!-- layers -->
| Folder | Layer | What is in it |
|---|---|---|
| \`${library}\` | L0 | root |
| \`${library}/http\` | L0 | http |
| \`${library}/net\` | L1 | net |
| \`${library}/stream\` | L1 | stream |
| \`${library}/upstream\` | L2 | upstream |
| \`${library}/upstream/wire\` | L2 | wire |
| \`${program}/server\` | L7 | server |
<!-- /layers -->
`,
  'packages/sluiceway/package.json': JSON.stringify({
    name: 'sluiceway',
    exports: { '.': { default: './dist/index.js' }, './send': { default: './dist/send.js' } },
  }),
  'packages/server/package.json': '{ "name": "@sluiceway/server" }',
  [`${library}/index.ts`]: `export { send } from './upstream/send.js';\n`,
  [`${library}/send.ts`]: `export { send } from './upstream/send.js';\n`,
  [`${library}/errors.ts`]: `export const code = 1;\n`,
  [`${library}/http/fields.ts`]: `import { code } from '../errors.js';\nexport const fields = code;\n`,
  [`${library}/net/dial.ts`]: `import { connect } from 'node:net';\nexport const dial = connect;\n`,
  [`${library}/stream/relay.ts`]: `import type { send } from './sink.js';\nexport const relay = 1;\nexport type S = typeof send;\n`,
  [`${library}/stream/sink.ts`]: `export declare const send: unknown;\n`,
  [`${library}/upstream/send.ts`]: `import { pool } from './wire/pool.js';\nimport { relay } from '../stream/relay.js';\nexport const send = [pool, relay];\n`,
  [`${library}/upstream/transport.ts`]: `export interface Transport { close(): void }\n`,
  [`${library}/upstream/wire/pool.ts`]: `import type { Transport } from '../transport.js';\nexport const pool: Transport[] = [];\n`,
  [`${program}/server/listen.ts`]: `import { send } from 'sluiceway';\nexport const listen = send;\n`,
};

const trees: string[] = [];
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true });
});

/** `undefined` leaves a file of the good tree out. */
function problemsOf(changes: Record<string, string | undefined>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'sluiceway-layers-'));
  trees.push(root);
  for (const [path, content] of Object.entries({ ...goodTree, ...changes })) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return findLayerProblems(root);
}

describe('the layer check', () => {
  test('finds nothing in a good tree', () => {
    expect(problemsOf({})).toEqual([]);
  });

  const badImports: [what: string, path: string, content: string, problem: RegExp][] = [
    [
      'an import from a higher layer',
      `${library}/net/x.ts`,
      `\nimport { send } from '../upstream/send.js';\nexport const x = send;\n`,
      /net\/x\.ts:2: .*net \(L1\) may not import .*upstream \(L2\)/,
    ],
    [
      'an import from another folder of the same layer',
      `${library}/net/x.ts`,
      `import { relay } from '../stream/relay.js';\nexport const x = relay;\n`,
      /net \(L1\) may not import .*stream \(L1\)/,
    ],
    [
      'a type-only import from a higher layer',
      `${library}/http/x.ts`,
      `import type { relay } from '../stream/relay.js';\nexport type X = typeof relay;\n`,
      /http \(L0\) may not import .*stream \(L1\)/,
    ],
    [
      'a re-export from a higher layer',
      `${library}/http/x.ts`,
      `export { relay } from '../stream/relay.js';\nexport const x = 1;\n`,
      /http \(L0\) may not import .*stream \(L1\)/,
    ],
    [
      'a dynamic import from a higher layer',
      `${library}/http/x.ts`,
      `export const x = () => import('../stream/relay.js');\n`,
      /http \(L0\) may not import .*stream \(L1\)/,
    ],
    [
      'a root file that reaches into a folder',
      `${library}/units.ts`,
      `import { fields } from './http/fields.js';\nexport const units = fields;\n`,
      /src \(L0\) may not import .*http \(L0\)/,
    ],
    [
      'an import of the entry from inside',
      `${library}/upstream/x.ts`,
      `import { send } from '../index.js';\nexport const x = send;\n`,
      /entry of the package, which nothing inside may import/,
    ],
    [
      'an import of another entry from inside',
      `${library}/upstream/x.ts`,
      `import { send } from '../send.js';\nexport const x = send;\n`,
      /entry of the package, which nothing inside may import/,
    ],
    [
      "a module of Node's in http",
      `${library}/http/x.ts`,
      `import { Buffer } from 'node:buffer';\nexport const x = Buffer;\n`,
      /may not import node:buffer/,
    ],
    [
      "a module of Node's without its prefix in http",
      `${library}/http/x.ts`,
      `import type { Server } from 'http';\nexport type X = Server;\n`,
      /may not import http/,
    ],
    [
      'a library that imports the program',
      `${library}/upstream/x.ts`,
      `import { listen } from '@sluiceway/server';\nexport const x = listen;\n`,
      /may not import @sluiceway\/server/,
    ],
    [
      'a library that imports itself by its name',
      `${library}/upstream/x.ts`,
      `import { send } from 'sluiceway';\nexport const x = send;\n`,
      /may not import sluiceway/,
    ],
    [
      'a path into another package',
      `${program}/server/x.ts`,
      `import { code } from '../../../sluiceway/src/errors.js';\nexport const x = code;\n`,
      /import the package by its name/,
    ],
    [
      'an import of nothing',
      `${library}/net/x.ts`,
      `import { y } from './y.js';\nexport const x = y;\n`,
      /\.\/y\.js is not a source file/,
    ],
    [
      'a barrel that is no entry',
      `${library}/upstream/all.ts`,
      `export { send } from './send.js';\n`,
      /all\.ts: only re-exports/,
    ],
    [
      'a file of 301 lines',
      `${library}/net/x.ts`,
      `// a comment\n${'export {};\n'.repeat(300)}`,
      /x\.ts: 301 lines/,
    ],
    [
      'a long file without a reason',
      `${library}/net/x.ts`,
      `// long file:\n${'\n'.repeat(300)}`,
      /301 lines/,
    ],
  ];
  test.each(badImports)('refuses %s', (_what, path, content, problem) => {
    const problems = problemsOf({ [path]: content });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('refuses a cycle, and names the files in it', () => {
    const problems = problemsOf({
      [`${library}/net/a.ts`]: `import { b } from './b.js';\nexport const a = () => b;\n`,
      [`${library}/net/b.ts`]: `import { type C, c } from './c.js';\nexport const b = (): C => c;\n`,
      [`${library}/net/c.ts`]: `import { a } from './a.js';\nexport type C = unknown;\nexport const c = a;\n`,
    });
    expect(problems).toEqual([
      `import cycle: ${['a', 'b', 'c', 'a'].map((name) => `${library}/net/${name}.ts`).join(' -> ')}`,
    ]);
  });

  test.each(['import type { B }', 'import { type B }'])('%s counts in a cycle', (statement) => {
    const problems = problemsOf({
      [`${library}/net/a.ts`]: `${statement} from './b.js';\nexport const a = (b: B) => b;\n`,
      [`${library}/net/b.ts`]: `import { a } from './a.js';\nexport type B = typeof a;\n`,
    });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^import cycle: /);
  });

  test('refuses two types of one name', () => {
    const problems = problemsOf({
      [`${library}/net/a.ts`]: `export interface Head {}\n`,
      [`${library}/net/b.ts`]: `export type Head = string;\n`,
    });
    expect(problems).toEqual([`${library}/net/a.ts and ${library}/net/b.ts both export a type called Head`]);
  });

  test('accepts a long file with a reason at its top', () => {
    const content = `/* long file: one table, whose rows are read together */\n${'export {};\n'.repeat(300)}`;
    expect(problemsOf({ [`${library}/net/x.ts`]: content })).toEqual([]);
  });

  test('refuses a folder that is not in the table', () => {
    expect(problemsOf({ [`${library}/extra/x.ts`]: 'export {};\n' })).toEqual([
      expect.stringContaining(`${library}/extra exists and is not in the table`),
    ]);
  });

  test('refuses a row whose folder is gone', () => {
    expect(problemsOf({ [`${program}/server/listen.ts`]: undefined })).toEqual([
      expect.stringContaining(`${program}/server is in the table of layers and does not exist`),
    ]);
  });

  test('refuses a row without a layer', () => {
    const table = goodTree['docs/ARCHITECTURE.md']?.replace('| L1 | net |', '| one | net |');
    expect(problemsOf({ 'docs/ARCHITECTURE.md': table })).toEqual([
      expect.stringContaining('not a row of the table of layers'),
      expect.stringContaining(`${library}/net exists and is not in the table`),
    ]);
  });

  test('refuses a document without the table', () => {
    expect(problemsOf({ 'docs/ARCHITECTURE.md': 'nothing here' })[0]).toMatch(/no table between/);
  });
});
