import { expect, test } from 'vitest';
import { hasCacheDirective } from '../../src/http/cache-control.js';
import { Fields } from '../../src/http/fields.js';

test.each<[string[], boolean]>([
  [[], false],
  [['no-transform'], true],
  [['NO-TRANSFORM'], true],
  [['max-age=5,no-transform'], true],
  [['max-age=5', ' no-transform '], true],
  [['no-transform=1'], true],
  [['private="a, b", no-transform'], true],
  [['private="a\\", b", no-transform'], true],
  [['private="no-transform"'], false],
  [['private="a, no-transform, b"'], false],
  [['private="a, no-transform'], false],
  [['no-transformers'], false],
  [['x-no-transform'], false],
])('Cache-Control: %j', (values, expected) => {
  const fields = new Fields(values.flatMap((value) => ['Cache-Control', value]));
  expect(hasCacheDirective(fields, 'no-transform')).toBe(expected);
});
