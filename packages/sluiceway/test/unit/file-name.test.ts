import { describe, expect, test } from 'vitest';
import { formatDisposition, readFileName, toSafeFileName } from '../../src/gateway/file-name.js';

describe('a file name', () => {
  test.for([
    ['plain.zip', 'attachment; filename=plain.zip'],
    ['../../etc/passwd', 'attachment; filename=passwd'],
    ['C:\\Windows\\system.ini', 'attachment; filename=system.ini'],
    ['a"b\\".txt', 'attachment; filename=_.txt'],
    ['x\r\nSet-Cookie: a=1', 'attachment; filename="xSet-Cookie_ a=1"'],
    ['photo\u202egpj.exe', 'attachment; filename=photogpj.exe'],
    ['.htaccess', 'attachment; filename=htaccess'],
    ['con.txt', 'attachment; filename=_con.txt'],
    ['con .txt', 'attachment; filename="_con .txt"'],
    ['CONOUT$', 'attachment; filename=_CONOUT$'],
    ['com\u00b9.txt', `attachment; filename="_com?.txt"; filename*=UTF-8''_com%C2%B9.txt`],
    ['a/b/', 'attachment'],
    ['...', 'attachment'],
    ['half\ud83d.txt', `attachment; filename="half?.txt"; filename*=UTF-8''half%EF%BF%BD.txt`],
    ['\u{1F600}.pdf', `attachment; filename="??.pdf"; filename*=UTF-8''%F0%9F%98%80.pdf`],
    ['100%25.txt', `attachment; filename=100%25.txt; filename*=UTF-8''100%2525.txt`],
  ] as const)('%j is only a name in the response [RFC 6266 4.3; RFC 8187]', ([name, expected]) => {
    expect(formatDisposition('attachment', toSafeFileName(name))).toBe(expected);
  });

  test('of any length is one that file systems take, its extension kept', () => {
    const name = toSafeFileName(`${'\u00e4'.repeat(200)}.tar`) ?? '';
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^\u00e4+\.tar$/);
  });

  test('that is cut does not end with a space or a dot', () => {
    expect(toSafeFileName(`${'a'.repeat(254)} ${'b'.repeat(50)}`)).toBe('a'.repeat(254));
    expect(toSafeFileName(`${'a'.repeat(254)}.${'b'.repeat(50)}`)).toBe('a'.repeat(254));
  });

  test.for([
    ['attachment; filename="a b.txt"', 'a b.txt'],
    [`inline; filename="x"; filename*=UTF-8''%E2%82%AC.txt`, '€.txt'],
    ['attachment; filename="\xe2\x82\xac.txt"', '€.txt'],
    ['attachment; filename="../../x"', 'x'],
    ['attachment', null],
    ['', null],
    [';;;', null],
    [undefined, null],
  ] as const)('is read from %j as %j', ([field, name]) => {
    expect(readFileName(field)).toBe(name);
  });
});
