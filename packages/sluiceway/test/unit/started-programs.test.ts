import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../../../scripts/support.mjs';
import { findUnrequiredPrograms } from '../support/started-programs.js';

const folders = ['packages/server/test', 'packages/sluiceway/test', 'examples'];

const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(({ name, parentPath }) => /\.(?:[cm]?[jt]s)$/.test(name) && !parentPath.includes('node_modules'))
    .map(({ name, parentPath }) => join(parentPath, name)),
);

test('no test and no example starts a program that it does not require', () => {
  expect(files.length).toBeGreaterThan(300);
  expect(
    files.flatMap((file) => findUnrequiredPrograms(relative(root, file), readFileSync(file, 'utf8'))),
  ).toEqual([]);
});

test('.ci/run and CONTRIBUTING.md install every program that tests require', () => {
  const required = files
    .filter((file) => !file.endsWith('started-programs.test.ts'))
    .flatMap((file) => readFileSync(file, 'utf8').match(/(?<=\brequire(?:Tool|Version)\(')[\w-]+/g) ?? []);
  const packages = new Map(
    Array.from(
      readFileSync(join(root, '.ci/run'), 'utf8').matchAll(/\b([\w-]+):([\w-]+)(?=[ ;])/g),
      ([, ...pair]) => pair,
    ) as [string, string][],
  );
  expect(required).toContain('curl');
  expect(required.filter((name) => !packages.has(name))).toEqual([]);
  const [, documented = ''] =
    /`apt-get install ([^`]*)`/.exec(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')) ?? [];
  const names = documented.split(/\s+/);
  // Whoever works on this has those.
  expect(
    Array.from(packages.values()).filter(
      (name) => !['git', 'bash', 'coreutils'].includes(name) && !names.includes(name),
    ),
  ).toEqual([]);
});

const spawn = "import { spawn, spawnSync as run } from 'node:child_process';\n";

describe('findUnrequiredPrograms', () => {
  test.each([
    ['a program by its name', `${spawn}spawn('curl', []);`],
    ['an empty name', `${spawn}spawn('', []);`],
    ['a name that is empty without the program', `${spawn}spawn(curl ?? '', []);`],
    ['a program under another name for spawn', `${spawn}run('git', ['status']);`],
    ['nothing', `${spawn}spawn();`],
    ['a command line', "import { exec } from 'node:child_process';\nexec('curl http://localhost');"],
    ['a program by what promisify makes', `${spawn}promisify(spawn)('curl');`],
    ['a program by all of the module', "import * as child from 'node:child_process';\nchild.spawn('a');"],
    ['a program by what is imported later', "const { spawn } = await import('node:child_process');"],
    ['a program by what is required', "const { spawn } = require('child_process');"],
    ['a browser by its name', "const options = { executablePath: chromium ?? '' };"],
    ['a browser outside its module', "import { chromium } from 'playwright-core';"],
    ['a suite of a table that vitest does not skip', 'describe.skipIf(true).for([1])("a", () => {});'],
    ['a tool without which nothing is skipped', "const curl = requireTool('curl');\nrunTool(net, curl, []);"],
  ])('finds %s', (_what, text) => {
    expect(findUnrequiredPrograms('a.test.ts', text)).not.toEqual([]);
  });

  test.each([
    ['Node', `${spawn}spawn(process.execPath, ['a.mjs']);`],
    ['a module of ours', "import { fork } from 'node:child_process';\nfork('a.mjs');"],
    ['a tool', `${spawn}function start(tool: Tool) { return run(tool.path, []); }`],
    ['a tool inside its suite', "const curl = requireTool('curl');\ndescribeWith(curl)('a', () => {});"],
    [
      'a tool that is looked at',
      "const nginx = requireTool('nginx');\nif (nginx.missing === null) start(nginx);",
    ],
    ['a type', "import type { ChildProcess } from 'node:child_process';\nlet child: ChildProcess;"],
  ])('takes %s', (_what, text) => {
    expect(findUnrequiredPrograms('a.test.ts', text)).toEqual([]);
  });

  test('says where', () => {
    expect(findUnrequiredPrograms('a.test.ts', `${spawn}\nspawn('curl');`)).toEqual([
      "a.test.ts:3: spawn('curl'): start process.execPath or tool.path, of requireTool()",
    ]);
  });
});
