// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions, parseSize, select } from '../lib/options.mjs';

void test('sizes are decimal or binary, as written', () => {
  assert.equal(parseSize('2GB'), 2e9);
  assert.equal(parseSize('1.5 MiB'), 1.5 * 2 ** 20);
  assert.equal(parseSize('512'), 512);
  assert.throws(() => parseSize('2 parsecs'), /not a size/);
});

void test('only a run of everything at full size counts as complete', () => {
  assert.equal(parseOptions([]).complete, true);
  assert.equal(parseOptions(['--rounds', '3']).complete, true);
  assert.equal(parseOptions(['--quick']).complete, false);
  assert.equal(parseOptions(['--only', 'download']).complete, false);
  assert.equal(parseOptions(['--peers', 'sluiceway,nginx']).complete, false);
  assert.equal(parseOptions(['--size', '100MB']).complete, false);
});

void test('the Node 26 comes from the option, or else from the environment', () => {
  const env = { SLUICEWAY_BENCH_NODE26: '/environment/node' };
  assert.equal(parseOptions([], env).node26, '/environment/node');
  assert.equal(parseOptions(['--node26', '/option/node'], env).node26, '/option/node');
  assert.equal(parseOptions([]).node26, undefined);
});

void test('an unknown name is refused with the known ones', () => {
  const all = [{ name: 'download' }, { name: 'upload' }];
  assert.deepEqual(select(all, ['upload'], 'workload'), [{ name: 'upload' }]);
  assert.throws(
    () => select(all, ['uplaod'], 'workload'),
    /no such workload: uplaod \(known: download, upload\)/,
  );
});
