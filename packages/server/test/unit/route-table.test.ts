import { describe, expect, test } from 'vitest';
import { normalizeHost, parseHostPattern } from '../../src/routes/host-pattern.js';
import { parsePattern, parsePrefix } from '../../src/routes/path-pattern.js';
import { type RouteEntry, RouteTable } from '../../src/routes/route-table.js';

interface NamedRoute extends RouteEntry {
  name: string;
}

interface Shape {
  hosts?: readonly string[];
  path?: string;
  pattern?: string;
  methods?: readonly string[];
  access?: string;
}

/** A table of routes that are called by what they are for. */
function tableOf(...shapes: readonly Shape[]): RouteTable<NamedRoute> {
  return new RouteTable(
    shapes.map(({ hosts = [], path = '/', pattern, methods, access = '' }) => ({
      name: [...hosts, pattern ?? path, ...(methods ?? [])].join(' '),
      accessKey: access,
      match: {
        hosts: hosts.map(parseHostPattern),
        path: pattern === undefined ? parsePrefix(path) : parsePattern(pattern),
        methods: methods === undefined ? null : new Set(methods),
      },
    })),
  );
}

function find(
  table: RouteTable<NamedRoute>,
  path: string,
  host: string | null = 'a.test',
  method = 'GET',
): string {
  const found = table.find({ path, host: host === null ? null : normalizeHost(host), method });
  if (typeof found === 'string') return found;
  return 'route' in found ? found.route.name : `405 ${found.allow.join(', ')}`;
}

/** The same whatever the order of the routes. */
function expectInAnyOrder(shapes: readonly Shape[], path: string, expected: string, host?: string): void {
  expect(find(tableOf(...shapes), path, host)).toBe(expected);
  expect(find(tableOf(...shapes.toReversed()), path, host)).toBe(expected);
}

describe('the most specific route serves a request, whatever the order [Gateway API]', () => {
  test.for([
    ['/files/a', '/files'],
    ['/files', '/files'],
    ['/files/', '/files'],
    ['/filesystem', '/'],
    ['/files%2Fa', '/'],
    ['/files/a/b', '/files/a'],
    ['/files/a', '/files/a'],
    ['/Files/a', '/'],
    ['/', '/'],
  ] as const)('by the longest prefix of whole segments: %s', ([path, expected]) => {
    const shapes = [{ path: '/' }, { path: '/files' }, { path: '/files/a/' }];
    const wanted = path.startsWith('/files/a') ? '/files/a/' : expected;
    expectInAnyOrder(shapes, path, wanted);
  });

  test.for([
    ['/videos/a.mp4', '/videos/*.mp4'],
    ['/videos/trailer.mp4', '/videos/trailer.mp4'],
    ['/videos/trailer-2.mp4', '/videos/trailer*.mp4'],
    ['/videos/a.webm', '/videos/*'],
    ['/videos/x/a.mp4', '/videos'],
    ['/videos/', '/videos/*'],
    ['/other/a.mp4', '/*/*.mp4'],
    ['/other/x', '/**'],
  ] as const)('by the pattern that is literal for longer: %s', ([path, expected]) => {
    const patterns = [
      '/videos/*.mp4',
      '/videos/trailer.mp4',
      '/videos/trailer*.mp4',
      '/videos/*',
      '/*/*.mp4',
      '/**',
    ];
    expectInAnyOrder([{ path: '/videos' }, ...patterns.map((pattern) => ({ pattern }))], path, expected);
  });

  test('a whole path comes before the same prefix', () => {
    expectInAnyOrder([{ path: '/a' }, { pattern: '/a', methods: ['GET'] }], '/a', '/a GET');
    expectInAnyOrder([{ path: '/a' }, { pattern: '/a', methods: ['GET'] }], '/a/', '/a');
  });

  test.for([
    ['files.example.com', 'files.example.com /'],
    ['FILES.example.com.:8080', 'files.example.com /'],
    ['x.files.example.com', '*.files.example.com /'],
    ['y.example.com', '*.example.com /'],
    ['example.com', '/'],
    ['[::1]:80', '[::1] /'],
    ['bücher.example', '/'],
    ['xn--bcher-kva.example', 'bücher.example /'],
  ] as const)('by the host, before the path: %s', ([host, expected]) => {
    const hosts = ['*.example.com', 'files.example.com', '*.files.example.com', '[::1]', 'bücher.example'];
    expectInAnyOrder(
      [{ path: '/' }, ...hosts.map((each) => ({ hosts: [each] }))],
      '/deep/path',
      expected,
      host,
    );
  });

  test('a route for any host takes what those of the host do not', () => {
    const shapes = [{ hosts: ['a.test'], path: '/a' }, { path: '/b' }];
    expectInAnyOrder(shapes, '/b', '/b');
    expect(find(tableOf(...shapes), '/c')).toBe('none');
    expect(find(tableOf(...shapes), '/b', null)).toBe('/b');
    expect(find(tableOf(...shapes), '/a', null)).toBe('none');
  });
});

test('methods decide last, and tell what else there is [RFC 9110 15.5.6]', () => {
  const table = tableOf(
    { path: '/a', methods: ['GET', 'HEAD'] },
    { path: '/a', methods: ['PUT'] },
    { path: '/', methods: ['POST'] },
  );
  expect(find(table, '/a', 'a.test', 'PUT')).toBe('/a PUT');
  expect(find(table, '/a', 'a.test', 'POST')).toBe('/ POST');
  expect(find(table, '/a', 'a.test', 'DELETE')).toBe('405 GET, HEAD, PUT, POST');
  expect(find(tableOf({ path: '/a' }, { path: '/a', methods: ['PUT'] }), '/a', 'a.test', 'PUT')).toBe(
    '/a PUT',
  );
});

describe('another spelling of a path does not avoid the access of its route [nginx]', () => {
  const table = tableOf({ path: '/' }, { path: '/admin', access: 'secret' }, { path: '/files' });

  test.for([
    '/%61dmin/x',
    '/%2561dmin',
    '//admin',
    '/./admin',
    '/files/../admin',
    '/files/%2e%2e/admin',
    '/files%2f..%2fadmin',
    '/files/..\\admin',
    '/files/..;/admin',
    '/ADMIN',
    '/admin.',
    '/admin%20',
    '/admin;a=b',
    '/%u0061dmin',
    `/${'a'.repeat(5000)}`,
  ])('%s', (path) => {
    expect(find(table, path)).toBe('ambiguous');
  });

  test.for([
    ['/admin/x', '/admin'],
    ['/admin', '/admin'],
    ['/administrator', '/'],
    ['/files/a%20b/%C3%BC', '/files'],
    ['/files/a;v=1', '/files'],
    ['/files//a', '/files'],
    ['/a/b/../c', '/'],
  ] as const)('%s is what it says', ([path, expected]) => {
    expect(find(table, path)).toBe(expected);
  });

  test('and where all have the same access, paths are compared as they come', () => {
    expect(find(tableOf({ path: '/' }, { path: '/admin' }), '/%61dmin')).toBe('/');
    expect(find(tableOf({ path: '/admin', access: 'x' }, { path: '/b' }), '//admin')).toBe('none');
  });
});

test('a path with many wildcards is compared in no time', () => {
  const table = tableOf({ pattern: `/${'*a'.repeat(40)}b` });
  const started = performance.now();
  expect(find(table, `/${'a'.repeat(16_000)}`)).toBe('none');
  expect(performance.now() - started).toBeLessThan(2000);
});

test('routes are listed in the order in which they are tried', () => {
  const table = tableOf({ path: '/' }, { hosts: ['*.b.test'] }, { path: '/a' }, { hosts: ['x.b.test'] });
  expect(table.inOrder.map(({ name }) => name)).toEqual(['x.b.test /', '*.b.test /', '/a', '/']);
});

describe('a route is the only one if it alone matches every request [Sluiceway]', () => {
  test.for<[string, readonly Shape[], string | null]>([
    ['a prefix of all paths', [{ path: '/' }], '/'],
    ['a pattern of all paths', [{ pattern: '/**' }], '/**'],
    ['a host', [{ hosts: ['a.test'] }], null],
    ['a path', [{ path: '/files' }], null],
    ['a pattern of one segment', [{ pattern: '/*' }], null],
    ['methods', [{ methods: ['GET'] }], null],
    ['two routes', [{ path: '/' }, { path: '/files' }], null],
    ['no route', [], null],
  ])('%s', ([, shapes, expected]) => {
    expect(tableOf(...shapes).only?.name ?? null).toBe(expected);
  });
});
