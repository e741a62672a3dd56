import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { sluicewayProxy } from '../support/program.js';
import { runDoctor, startEchoOrigin, startProxy } from './start-chain.js';

const haproxy = requireTool('haproxy');
const flags = ['--quick', '--silence', '2s'];

test('all tests of doctor find nothing in a chain of Sluiceway alone [Sluiceway]', async ({ net }) => {
  const { port } = await sluicewayProxy(net, `http://127.0.0.1:${await startEchoOrigin(net)}`);
  const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/`, ...flags);
  expect(report.findings).toEqual([]);
  expect(report.notTested.map(({ probe }) => probe)).toEqual(['protocols']);
  expect(report.hops[0]?.products).toEqual(['Sluiceway']);
  expect(report.origin).toBe('echo');
  expect(code).toBe(0);
});

test('all tests of doctor find nothing if the URL is that of the origin [Sluiceway]', async ({ net }) => {
  const port = await startEchoOrigin(net);
  const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/some/path/`, ...flags);
  expect(report.findings).toEqual([]);
  expect(code).toBe(0);
});

describeWith(haproxy)('doctor with HAProxy', () => {
  test('finds nothing in its default settings [HAProxy]', async ({ net }) => {
    const port = await startProxy(net, haproxy, 'haproxy', await startEchoOrigin(net));
    const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/`, ...flags);
    expect(report.findings).toEqual([]);
    expect(report.hops[0]?.products).toEqual(['HAProxy']);
    expect(code).toBe(0);
  });
});
