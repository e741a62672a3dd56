import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { appendVia, hasVia } from '../../src/http/via.js';

const via = (...lines: string[]): Fields => new Fields(lines.flatMap((line) => ['Via', line]));

describe('appendVia, RFC 9110 section 7.6.3', () => {
  test('comes after all that are there, which stay as they came', () => {
    const fields = new Fields(['via', '1.0 a, 1.1 b', 'X', '1', 'Via', '1.1 c (d)', 'Y', '2']);
    appendVia(fields, '2.0', 'sluiceway');
    expect(fields.getAll('via')).toEqual(['1.0 a, 1.1 b', '1.1 c (d)', '2.0 sluiceway']);
    expect(fields.raw.slice(0, 8)).toEqual(['via', '1.0 a, 1.1 b', 'X', '1', 'Via', '1.1 c (d)', 'Y', '2']);
  });
});

describe('hasVia', () => {
  test.each([
    ['1.1 us'],
    ['1.1 US'],
    ['HTTP/1.1 us'],
    ['1.1 us (comment)'],
    ['1.1 us(comment)'],
    ['1.1\tus'],
    ['1.1   us'],
    ['1.0 a, 1.1 us, 1.1 b'],
    [',, 1.1 us ,,'],
    ['1.1 a (x, y), 1.1 us'],
    ['1.1 a (x (y), z), 1.1 us'],
    ['1.1 a (\\(), 1.1 us'],
    ['1.1 a (, 1.1 us'],
    ['1.1 a ", 1.1 us'],
    ['1.1 a ), 1.1 us'],
  ])('%j has been through us', (line) => {
    expect(hasVia(via(line), 'us')).toBe(true);
    expect(hasVia(via('1.1 other', line), 'Us')).toBe(true);
  });

  test.each([
    ['1.1 usa'],
    ['1.1 us.test'],
    ['1.1 us:80'],
    ['us'],
    ['us 1.1'],
    ['1.1 a (us)'],
    ['1.1 a (1.1 us)'],
    ['1.1 a (x, 1.1 us)'],
    ['1.1 a (x \\), 1.1 us)'],
    ['1.1 "x, 1.1 us"'],
    ['1.1 a us'],
    [''],
  ])('%j has not', (line) => {
    expect(hasVia(via(line), 'us')).toBe(false);
  });

  test('a message without Via has not', () => {
    expect(hasVia(new Fields(['X-Via', '1.1 us']), 'us')).toBe(false);
  });

  test('what was appended is found, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[ -~]*$/)), (lines) => {
        const fields = via(...lines);
        appendVia(fields, '1.1', 'sluiceway-0a1b2c3d');
        expect(hasVia(fields, 'sluiceway-0a1b2c3d')).toBe(true);
      }),
    );
  });

  test('what was appended is found after another proxy has folded the lines', () => {
    // A stray bracket or quote of a client may swallow what follows, unless it is never closed.
    fc.assert(
      fc.property(fc.stringMatching(/^[^"()\\]*[("]?$/), (before) => {
        fc.pre(/^[ -~]*$/.test(before));
        expect(hasVia(via(`${before}, 1.1 us, 1.1 other`), 'us')).toBe(true);
      }),
    );
  });
});
