import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendCdnLoop, hasCdnLoop } from '../../src/http/cdn-loop.js';
import { Fields } from '../../src/http/fields.js';

const loop = (...lines: string[]): Fields => new Fields(lines.flatMap((line) => ['CDN-Loop', line]));

test('the name is added as a line of its own after all others', () => {
  const fields = loop('a, b; x="y"').append('X', '1');
  appendCdnLoop(fields, 'us');
  expect(fields.raw).toEqual(['CDN-Loop', 'a, b; x="y"', 'X', '1', 'CDN-Loop', 'us']);
});

describe('hasCdnLoop, RFC 8586 section 2', () => {
  test.each([
    'us',
    ' US ',
    'other, us',
    'us; version=1',
    'us;a=b;c="d"',
    'foo123.foocdn.example, barcdn.example; trace="abcdef", us',
    '[2001:db8::1]:443, us;x',
    'a; x=", us;y", us',
    'a; x="\\", us", us',
    ',,us,,',
    'a; x=", us',
  ])('%j has been through us', (line) => {
    expect(hasCdnLoop(loop(line), 'us')).toBe(true);
    expect(hasCdnLoop(loop('other', line), 'Us')).toBe(true);
  });

  test.each(['', 'usa', 'us.test', 'us:80', 'a; us', 'a; x=us', 'a; x=", us;y"', 'a us', '"us"'])(
    '%j has not',
    (line) => {
      expect(hasCdnLoop(loop(line), 'us')).toBe(false);
    },
  );

  test('a request without CDN-Loop has not', () => {
    expect(hasCdnLoop(new Fields(['X-CDN-Loop', 'us']), 'us')).toBe(false);
  });

  test('what was appended is found, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[ -~]*$/)), (lines) => {
        const fields = loop(...lines);
        appendCdnLoop(fields, 'sluiceway-0a1b2c3d');
        expect(hasCdnLoop(fields, 'sluiceway-0a1b2c3d')).toBe(true);
      }),
    );
  });
});
