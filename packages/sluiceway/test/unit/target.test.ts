import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { hostField, joinTarget, parseBaseTarget, parseRequestTarget } from '../../src/http/target.js';

describe('parseBaseTarget', () => {
  test.each([
    ['http://a.test', 'http:', 'a.test', 80, 'a.test', '', ''],
    ['https://a.test', 'https:', 'a.test', 443, 'a.test', '', ''],
    ['HTTP://A.Test/', 'http:', 'a.test', 80, 'a.test', '/', ''],
    ['http://a.test:80/x', 'http:', 'a.test', 80, 'a.test', '/x', ''],
    ['https://a.test:80/x', 'https:', 'a.test', 80, 'a.test:80', '/x', ''],
    ['http://a.test:443', 'http:', 'a.test', 443, 'a.test:443', '', ''],
    ['http://[::1]:8080/x', 'http:', '::1', 8080, '[::1]:8080', '/x', ''],
    ['http://[::1]', 'http:', '::1', 80, '[::1]', '', ''],
    ['http://127.1', 'http:', '127.0.0.1', 80, '127.0.0.1', '', ''],
    ['http://a.test?sta=tic', 'http:', 'a.test', 80, 'a.test', '', 'sta=tic'],
    ['http://a.test/x?a=%zz;b?c', 'http:', 'a.test', 80, 'a.test', '/x', 'a=%zz;b?c'],
    ['http://a.test/x?', 'http:', 'a.test', 80, 'a.test', '/x', ''],
    ['http://a.test/a%2Fb/%7e/./..//c|"', 'http:', 'a.test', 80, 'a.test', '/a%2Fb/%7e/./..//c|"', ''],
    [
      'http://b\u00fccher.test/\u00fc?\u010d',
      'http:',
      'xn--bcher-kva.test',
      80,
      'xn--bcher-kva.test',
      '/%C3%BC',
      '%C4%8D',
    ],
  ] as const)('%s', (url, protocol, hostname, port, host, path, query) => {
    expect(parseBaseTarget(url)).toEqual({ protocol, hostname, port, host, path, query });
  });

  test('a URL object is taken as it is normalised', () => {
    expect(parseBaseTarget(new URL('http://a.test/a/../b%2Fc?d'))).toMatchObject({
      path: '/b%2Fc',
      query: 'd',
    });
  });

  test.each([
    ['', /http:\/\/ or https/],
    ['a.test', /http:\/\/ or https/],
    ['ftp://a.test', /http:\/\/ or https/],
    ['http:a.test', /http:\/\/ or https/],
    ['http:/a.test', /http:\/\/ or https/],
    ['unix:/run/x', /http:\/\/ or https/],
    ['http://', /name a host/],
    ['http:///a', /name a host/],
    ['http://user:hunter2@a.test', /user name or password/],
    ['http://user@a.test', /user name or password/],
    ['http://@a.test', /user name or password/],
    ['http://a.test/#x', /fragment/],
    ['http://a.test/#', /fragment/],
    ['http://a.test#@evil.test', /fragment/],
    [' http://a.test', /http:\/\/ or https/],
    ['http://a.test/ b', /spaces/],
    ['http://a.te\tst/', /spaces/],
    ['http://a.test/\r\nX: y', /spaces/],
    ['http://a.test/\u0000', /spaces/],
    ['http://a.test/\u2003', /spaces/],
    ['http://a.test\\b', /backslashes/],
    ['http://a.test/\ud800', /surrogate/],
    ['http://a.test:0/', /port 0/],
    ['http://a.test:65536', /valid URL/],
    ['http://a.test:x', /valid URL/],
    ['http://[::1', /valid URL/],
    ['http://a%00b/', /valid URL/],
    ['http://1.2.3.4.5/', /valid URL/],
  ])('%j is refused', (url, message) => {
    let thrown: unknown;
    try {
      parseBaseTarget(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(TypeError);
    expect(String(thrown)).toMatch(message);
    expect(String(thrown)).not.toContain('hunter2');
  });
});

describe('parseRequestTarget, RFC 9112 section 3.2', () => {
  test.each([
    ['/', 'origin', null, '/', null],
    ['/a/b%2fc?d=e&f', 'origin', null, '/a/b%2fc', 'd=e&f'],
    ['/?', 'origin', null, '/', ''],
    ['/a?b?c', 'origin', null, '/a', 'b?c'],
    ['//evil.test/x', 'origin', null, '//evil.test/x', null],
    ['/http://evil.test/', 'origin', null, '/http://evil.test/', null],
    ['/a\\b|"<>^`{}', 'origin', null, '/a\\b|"<>^`{}', null],
    ['/\u00fc\u00ff\u0080', 'origin', null, '/\u00fc\u00ff\u0080', null],
    ['/../a/./b', 'origin', null, '/../a/./b', null],
    ['http://a.test/x?y', 'absolute', 'a.test', '/x', 'y'],
    ['HTTPS://A.test:8443/x', 'absolute', 'A.test:8443', '/x', null],
    ['http://a.test', 'absolute', 'a.test', '', null],
    ['http://a.test?x', 'absolute', 'a.test', '', 'x'],
    ['http://[::1]:80//x', 'absolute', '[::1]:80', '//x', null],
    ['*', 'asterisk', null, '*', null],
    ['a.test:443', 'authority', 'a.test:443', '', null],
  ] as const)('%j', (url, form, authority, path, query) => {
    expect(parseRequestTarget(url)).toEqual({ form, authority, path, query });
  });

  test.each([
    '',
    '?a',
    '*?',
    '**/',
    'a/b',
    'http://',
    'http:///x',
    'http://user@a.test/',
    'http://user:pw@a.test/',
    'http://a.test\\@evil/',
    'ftp://a.test/',
    'file:///etc/passwd',
    '/a#b',
    'http://a.test#@evil.test/',
    '/a b',
    '/a\tb',
    '/a\r\nHost: b',
    '/a\u0000',
    '/a\u007f',
    '/\u0100',
    '/\u010d\u010a',
  ])('%j is refused', (url) => {
    expect(() => parseRequestTarget(url)).toThrow(SluicewayError);
  });

  test('nothing is lost or changed in an origin-form', () => {
    const text = fc.stringMatching(/^[!"$-~\u0080-\u00ff]*$/);
    fc.assert(
      fc.property(text, (rest) => {
        const url = `/${rest}`;
        const { form, path, query } = parseRequestTarget(url);
        expect(form).toBe('origin');
        expect(path + (query === null ? '' : `?${query}`)).toBe(url);
        expect(joinTarget({ path: '', query: '' }, path, query)).toBe(url);
      }),
    );
  });

  test('any string is parsed or refused with http_request_error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string({ unit: 'binary' })), (url) => {
        let thrown: unknown = new SluicewayError('http_request_error', 'none');
        try {
          parseRequestTarget(url);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toMatchObject({ code: 'http_request_error', status: 400 });
      }),
    );
  });
});

describe('joinTarget', () => {
  const join = (base: string, path: string, query: string | null = null): string => {
    const parsed = parseBaseTarget(`http://a.test${base}`);
    return joinTarget(parsed, path, query);
  };

  test.each([
    ['/base', '/dir', '/base/dir'],
    ['/a/', '/b', '/a/b'],
    ['/a', '/b', '/a/b'],
    ['/a', 'b', '/a/b'],
    ['/a/', 'b', '/a/b'],
    ['/a', '', '/a/'],
    ['/a/', '', '/a/'],
    ['', 'b', '/b'],
    ['', '/b', '/b'],
    ['', '', '/'],
    ['/', '/', '/'],
    ['/', '', '/'],
    ['/a%2Fb', '/c', '/a%2Fb/c'],
    ['/a%2Fb/', '/c%2Fd', '/a%2Fb/c%2Fd'],
    ['/a%2Fb%2F', 'c', '/a%2Fb%2F/c'],
    ['', '//evil.test/x', '//evil.test/x'],
    ['/a', '//b', '/a//b'],
    ['/a/', '//b', '/a//b'],
    ['/a', '/\u00fc', '/a/\u00fc'],
  ])('%j and %j give %j', (base, path, expected) => {
    expect(join(base, path)).toBe(expected);
  });

  test.each([
    ['?sta=tic', 'us=er', '/x?sta=tic&us=er'],
    ['?sta=tic', null, '/x?sta=tic'],
    ['?sta=tic', '', '/x?sta=tic'],
    ['', 'us=er', '/x?us=er'],
    ['', null, '/x'],
    ['', '', '/x?'],
    ['', 'a=1&a=2;b=%zz', '/x?a=1&a=2;b=%zz'],
  ])('base query %j and query %j give %j', (base, query, expected) => {
    expect(join(base, '/x', query)).toBe(expected);
  });

  test.each([
    ['', '*'],
    ['/', '*'],
    ['/base', '/base'],
    ['/base/', '/base/'],
    ['?q', '/?q'],
    ['/base?q', '/base?q'],
  ])('OPTIONS * under %j is %j', (base, expected) => {
    expect(join(base, '*')).toBe(expected);
  });

  test.each(['/a b', '/a\r\nb', '/a\u0000', '/\u010d\u010a', '/a#b', '/a\u007f'])('%j is refused', (path) => {
    expect(() => join('', path)).toThrow(expect.objectContaining({ code: 'http_request_error' }));
    expect(() => join('', '/', path)).toThrow(expect.objectContaining({ code: 'http_request_error' }));
  });

  test.each([
    '/..',
    '/../secret',
    '/a/../../secret',
    '/./../secret',
    '//../secret',
    '/%2e%2e/secret',
    '/%2E./secret',
    '/..%2fsecret',
    '/..%5Csecret',
    '/..\\secret',
    '/..;x/secret',
    '/..%3bx/secret',
    '/a%2fb/../../secret',
    '/a\\b/../../secret',
    '/;a/../secret',
    '..',
  ])('%j does not lead out of a base path', (path) => {
    expect(() => join('/base', path)).toThrow(expect.objectContaining({ code: 'http_request_error' }));
    // Where the base is the whole server there is nothing to lead out of.
    expect(join('', path).endsWith(path)).toBe(true);
  });

  test.each(['/a/..', '/a/../b', '/a..b', '/...', '/..a/b', '/a/b/../../c', '/%2e/a'])(
    '%j stays in a base path, unchanged',
    (path) => {
      expect(join('/base', path)).toBe(`/base${path}`);
    },
  );

  test('a join that passes never resolves to a place outside the base path', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      'a',
      '',
      '%2e%2e',
      '.%2E',
      '..;',
      'b',
      'a%2fb',
      '..%2f',
      '%2F..',
      ';a',
    );
    // A server that reads the path as it stands, one that takes %2F for a slash, one that drops parameters.
    const readers = [
      (target: string) => target,
      (target: string) => target.replace(/%2f/gi, '/'),
      (target: string) => target.replace(/;[^/]*/g, ''),
      (target: string) => target.replace(/%2f/gi, '/').replace(/;[^/]*/g, ''),
    ];
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const path = `/${parts.join('/')}`;
        let target: string;
        try {
          target = join('/base/x', path);
        } catch {
          return;
        }
        expect(target).toBe(`/base/x${path}`);
        for (const read of readers) {
          const resolved = new URL(`http://a.test${read(target)}`).pathname;
          expect(resolved === '/base/x' || resolved.startsWith('/base/x/')).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('hostField, RFC 9110 section 7.2', () => {
  test.each([
    ['a.test', 80, 'http:', 'a.test'],
    ['a.test', 443, 'https:', 'a.test'],
    ['a.test', 443, 'http:', 'a.test:443'],
    ['a.test', 80, 'https:', 'a.test:80'],
    ['::1', 80, 'http:', '[::1]'],
    ['::1', 8080, 'http:', '[::1]:8080'],
  ] as const)('%s, %s, %s', (hostname, port, protocol, expected) => {
    expect(hostField(hostname, port, protocol)).toBe(expected);
  });
});
