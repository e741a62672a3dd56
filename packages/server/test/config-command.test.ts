import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { parse } from 'yaml';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import * as inProcess from './support/process.js';
import { sluiceway } from './support/program.js';

async function runConfig(net: Network, ...args: string[]) {
  const program = sluiceway(net, 'config', ...args);
  return { code: await program.exited, stdout: program.stdout, stderr: program.stderr };
}

const valid = {
  listeners: [{ address: '127.0.0.1:0' }],
  routes: [
    { path: '/', respond: {} },
    {
      path: '/a',
      proxy: {
        upstream: { url: 'http://a.test', egressProxy: 'http://u:hush@p.test' },
        headers: { response: { set: { A: '${env:HOME:-x}' } } },
      },
    },
  ],
};

function fileOf(net: Network, config: unknown): string {
  const path = join(scratchFolder(net), 'c.yaml');
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return path;
}

test('config init prints a file that is valid, or writes it, and never over another', async ({ net }) => {
  const path = join(scratchFolder(net), 'new.yaml');
  // The built program: it names the schema in its package.
  const printed = inProcess.sluiceway(net, 'config', 'init');
  expect(await printed.exited).toBe(0);
  const written = inProcess.sluiceway(net, 'config', 'init', path);
  expect([await written.exited, readFileSync(path, 'utf8')]).toEqual([0, printed.stdout]);
  const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(printed.stdout) ?? [];
  expect(statSync(schema).size).toBeGreaterThan(1000);
  expect((await runConfig(net, 'check', path)).code).toBe(0);
  writeFileSync(path, 'mine');
  const again = await runConfig(net, 'init', path);
  expect([again.code, again.stderr, readFileSync(path, 'utf8')]).toEqual([
    1,
    `sluiceway: cannot write ${path}: it already exists\n`,
    'mine',
  ]);
});

test('config init has examples in its comments that are valid', async ({ net }) => {
  const { stdout } = await runConfig(net, 'init');
  // What a user takes the comment signs from.
  const uncommented = stdout.replaceAll(/^( *)# (?=[ -]|tls:|defaults:)/gm, '$1');
  const config = parse(uncommented) as {
    listeners: unknown[];
    routes: unknown[];
    tls: unknown;
    defaults: unknown;
  };
  expect([config.listeners.length, config.routes.length]).toEqual([3, 5]);
  const { stderr } = await runConfig(net, 'check', fileOf(net, uncommented));
  // The files that it names are not there, and nothing else is wrong.
  const lines = stderr.trim().split('\n');
  expect(lines.filter((line) => !/cannot (?:be )?read|is empty/.test(line))).toEqual([]);
});

describe('config check', () => {
  test('says what is wrong, and ends with 2, or with 0 where all is well', async ({ net }) => {
    const path = fileOf(net, valid);
    expect(await runConfig(net, 'check', path)).toEqual({
      code: 0,
      stdout: `sluiceway: ${path} is valid: 1 listener(s), 2 route(s)\n`,
      stderr: '',
    });
    const wrong = fileOf(net, 'listeners: [{ addres: ":1" }]\nroutes: [{ respond: {} }]\n');
    const { code, stdout, stderr } = await runConfig(net, 'check', wrong);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `sluiceway: ${wrong}:1:15: listeners[0].addres is not an option; did you mean 'address'?\nsluiceway: ${wrong}:1:13: listeners[0].address is required\n`,
    );
  });

  test.for([
    ['a 50 MB file', Buffer.alloc(50_000_000, 'a: b\n').toString(), /is larger than 4MiB/],
    ['an empty file', '', /is empty/],
  ] as const)('refuses %s', async ([_what, text, expected], { net }) => {
    const { code, stderr } = await runConfig(net, 'check', fileOf(net, text));
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
  });
});

test('config show prints what takes effect without secrets, which is valid again', async ({ net }) => {
  const { code, stdout } = await runConfig(net, 'show', fileOf(net, valid));
  expect(code).toBe(0);
  expect(stdout).not.toContain('hush');
  expect(stdout).toContain('${env:HOME:-********}');
  const shown = parse(stdout) as { routes: { path: string }[] };
  expect(shown.routes.map(({ path }) => path)).toEqual(['/a', '/']);
  expect((await runConfig(net, 'show', fileOf(net, {}))).code).toBe(2);
});

test('config schema prints the JSON Schema', async ({ net }) => {
  const { stdout } = await runConfig(net, 'schema');
  expect(JSON.parse(stdout)).toMatchObject({ title: 'Configuration of sluiceway serve', type: 'object' });
});
