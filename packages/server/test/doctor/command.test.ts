import { createServer } from 'node:http';
import { describe, expect } from 'vitest';
import { readPage, tableUnder } from '../../../sluiceway/test/docs/support/markdown.js';
import { freePort } from '../../../sluiceway/test/support/daemon.js';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { seededBytes } from '../../src/demo/seeded-content.js';
import { kinds } from '../../src/doctor/kinds.js';
import { probes } from '../../src/doctor/probes/all.js';
import { fileProbes } from '../../src/doctor/probes/file.js';
import { formatDiagnosis } from '../../src/doctor/report.js';
import { sluiceway, sluicewayProxy } from '../support/program.js';
import { listen, runDoctor, startEchoOrigin } from './start-chain.js';

describe('sluiceway doctor', () => {
  test.for([
    [[], 'give a URL, or --origin'],
    [['files.example.com'], '<url>: must be an http: or https: URL'],
    [['ftp://files.example.com/'], '<url>: must be an http: or https: URL'],
    [['http://user:secret@files.example.com/'], '<url>: must have no password: use --header'],
    [['http://127.0.0.1/', '--hop', 'x'], '--hop: must be an http: or https: URL'],
    [['http://127.0.0.1/', '--quick', '--thorough'], '--quick and --thorough exclude each other'],
    [['http://127.0.0.1/', '--silence', '1'], '--silence: must be from 1s to 1h'],
    [['http://127.0.0.1/', '--only', 'everything'], '--only: must be one of fields,'],
    [['http://127.0.0.1/', '--header', 'secret'], "--header: must be a field such as 'Name: value'"],
    [['http://127.0.0.1/', '--listen', '127.0.0.1:0'], '--listen needs --origin'],
    [['--origin', '--listen', 'unix:/tmp/x'], '--listen: must be host:port'],
  ] as const)('%j is refused with exit code 2: %s [Sluiceway]', async ([args, message], { net }) => {
    const program = sluiceway(net, 'doctor', ...args);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain(`sluiceway: ${message}`);
    expect(program.stderr).not.toContain('secret');
  });

  test('a URL that does not answer ends it with exit code 3 [Sluiceway]', async ({ net }) => {
    const program = sluiceway(net, 'doctor', `http://127.0.0.1:${await freePort()}/`, '--quick');
    expect(await program.exited).toBe(3);
    expect(program.stderr).toMatch(/^sluiceway: http:\S+ does not answer \(ECONNREFUSED\)\n$/);
  });

  test('the echo origin tells where it listens, and a signal ends it with exit code 0 [Sluiceway]', async ({
    net,
  }) => {
    const program = sluiceway(net, 'doctor', '--origin', '--listen', '127.0.0.1:0');
    const [, url = ''] = await program.match('stdout', /echo origin listening on (http:\S+),/);
    const { report, code } = await runDoctor(net, url, '--only', 'fields');
    expect(report.findings).toEqual([]);
    expect(code).toBe(0);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('with --origin and a URL, it serves the origin until it is done [Sluiceway]', async ({ net }) => {
    const originPort = await freePort();
    const { port } = await sluicewayProxy(net, `http://127.0.0.1:${originPort}`);
    const { report, code } = await runDoctor(
      net,
      ...[`http://127.0.0.1:${port}/`, '--origin', '--listen', `127.0.0.1:${originPort}`, '--only', 'ranges'],
    );
    expect(report).toMatchObject({ version: 1, origin: 'echo', findings: [], passed: ['ranges'] });
    expect(code).toBe(0);
  });

  test('a report as text has a line for each finding, with the setting, and progress is on standard error [Sluiceway]', async ({
    net,
  }) => {
    const { port } = await sluicewayProxy(
      net,
      `http://127.0.0.1:${await startEchoOrigin(net)}`,
      '--max-upload',
      '1MB',
    );
    const program = sluiceway(
      net,
      'doctor',
      `http://127.0.0.1:${port}/`,
      '--quick',
      '--only',
      'large-upload',
    );
    expect(await program.exited).toBe(1);
    expect(program.stdout.split('\n')[1]).toBe(
      'error       upload-limit: An upload of more than 1,000,000 bytes gets 413 (Sluiceway); set Sluiceway: --max-upload off',
    );
    expect(program.stderr).toContain('1/1 whether a large upload arrives whole');
  });

  test('a chain behind which nothing answers ends it with exit code 3 [Sluiceway]', async ({ net }) => {
    const { port } = await sluicewayProxy(net, `http://127.0.0.1:${await freePort()}`);
    const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/`, '--quick', '--silence', '1s');
    expect(report.findings).toEqual([]);
    expect(report.notTested[0]).toEqual({ probe: 'file-fields', reason: 'the URL gets 502' });
    expect(code).toBe(3);
  });

  test('without the echo origin, the URL is tested as a file, and the rest is listed as not tested [Sluiceway]', async ({
    net,
  }) => {
    const file = seededBytes('file', 0, 100_000);
    const port = await listen(
      net,
      createServer((request, response) => {
        if (request.url !== '/a.iso') return void response.writeHead(404).end();
        response.writeHead(200, { ETag: 'W/"1"', 'Content-Length': file.length });
        response.end(request.method === 'HEAD' ? undefined : file);
      }),
    );
    const { report, ids, code } = await runDoctor(
      net,
      `http://127.0.0.1:${port}/a.iso`,
      '--quick',
      '--silence',
      '1s',
    );
    expect(report.origin).toBe('file');
    expect(ids.toSorted()).toEqual(['range-lost', 'validator-weakened']);
    expect(report.passed).toEqual(['file-head', 'file-compression', 'file-download']);
    expect(report.notTested.map(({ probe }) => probe)).toEqual([
      'file-pause',
      ...probes.map(({ name }) => name),
    ]);
    expect(code).toBe(1);
  });

  test('SIGINT ends the tests, and what is not tested is listed [Sluiceway]', async ({ net }) => {
    const url = `http://127.0.0.1:${await startEchoOrigin(net)}/`;
    const program = sluiceway(net, 'doctor', url, '--only', 'head-silence', '--silence', '1h');
    await program.match('stderr', /1 tests/);
    program.signal('SIGINT');
    expect(await program.exited).toBe(130);
    expect(program.stdout).toContain('not tested  head-silence: stopped');
  });

  test('tests that were not possible for the same reason share a line [Sluiceway]', () => {
    const lines = formatDiagnosis({
      url: 'http://127.0.0.1/',
      effort: 'quick',
      origin: 'file',
      durationMs: 1,
      hops: [],
      findings: [],
      passed: ['file-head'],
      notTested: [
        { probe: 'fields', reason: 'stopped' },
        { probe: 'paths', reason: 'the URL gets 502' },
        { probe: 'ranges', reason: 'stopped' },
      ],
    });
    expect(lines.slice(1)).toEqual([
      'not tested  fields, ranges: stopped',
      'not tested  paths: the URL gets 502',
      '0 findings; 1 test without one, 3 not possible',
    ]);
  });

  test('every kind of finding is documented, and found by a test [Sluiceway]', () => {
    const documented = tableUnder(readPage('docs/doctor.md'), 'kinds').map(([id, severity]) => [
      id?.replaceAll('`', ''),
      severity,
    ]);
    expect(documented).toEqual(Object.entries(kinds).map(([id, { severity }]) => [id, severity]));
    const found = new Set([...probes, ...fileProbes].flatMap((probe) => probe.kinds));
    expect(Array.from(found).toSorted()).toEqual(Object.keys(kinds).toSorted());
  });
});
