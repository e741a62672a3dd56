import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { sluicewayProxy } from '../support/program.js';
import { runDoctor, startEchoOrigin } from './start-chain.js';

const flags = ['--quick', '--silence', '2s'];

test.concurrent('all tests of doctor find nothing in a chain of Sluiceway alone [Sluiceway]', async ({
  net,
}) => {
  const { port } = await sluicewayProxy(net, `http://127.0.0.1:${await startEchoOrigin(net)}`);
  const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/`, ...flags);
  expect(report.findings).toEqual([]);
  expect(report.notTested.map(({ probe }) => probe)).toEqual(['protocols', 'http2-downloads']);
  expect(report.hops[0]?.products).toEqual(['Sluiceway']);
  expect(report.origin).toBe('echo');
  expect(code).toBe(0);
});

test.concurrent('all tests of doctor find nothing if the URL is that of the origin [Sluiceway]', async ({
  net,
}) => {
  const port = await startEchoOrigin(net);
  const { report, code } = await runDoctor(net, `http://127.0.0.1:${port}/some/path/`, ...flags);
  expect(report.findings).toEqual([]);
  expect(code).toBe(0);
});
