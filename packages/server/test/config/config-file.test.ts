import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { ConfigError } from '../../src/config/config-error.js';
import { ConfigFile } from '../../src/config/file.js';
import { configMembers } from '../../src/config/options.js';
import { checkOnly, compile } from '../../src/server/compile.js';

/** What is wrong with a configuration, line by line; empty where nothing is. The file is called `c.yaml`. */
function problemsOf(
  net: Network,
  text: string | Buffer,
  files: Readonly<Record<string, string>> = {},
): string[] {
  const folder = scratchFolder(net);
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  const path = join(folder, 'c.yaml');
  writeFileSync(path, text);
  return problemsOfFile(path, folder);
}

function problemsOfFile(path: string, folder: string): string[] {
  try {
    const { routes } = compile(new ConfigFile(path, configMembers), checkOnly);
    for (const { handler } of routes.routes) handler.destroy();
    routes.unrouted.destroy();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${folder}/`, '').split('\n');
  }
}

const valid = `listeners:
  - address: 127.0.0.1:0
routes:
  - proxy: { upstream: 'http://127.0.0.1:9000' }
`;

const withRoute = (lines: string): string => `listeners: [{ address: '127.0.0.1:0' }]\nroutes:\n${lines}`;

test('a small file, its like in JSON, and one with tabs as JSON may have are valid', ({ net }) => {
  expect(problemsOf(net, valid)).toEqual([]);
  const json = { listeners: [{ address: ':0' }], routes: [{ respond: { content: 'ok' } }] };
  expect(problemsOf(net, JSON.stringify(json))).toEqual([]);
  expect(problemsOf(net, JSON.stringify(json, null, '\t'))).toEqual([]);
  expect(problemsOf(net, `\uFEFF${valid}`)).toEqual([]);
  expect(problemsOf(net, valid.replaceAll('\n', '\r\n'))).toEqual([]);
});

describe('a problem names file, line, column and path', () => {
  test.for([
    ['upstreems: {}\n' + valid, "c.yaml:1:1: upstreems is not an option; did you mean 'upstreams'?"],
    [
      withRoute("  - proxy:\n      upstream: 'http://a'\n      timeouts: { conect: 5s }\n"),
      "c.yaml:5:19: routes[0].proxy.timeouts.conect is not an option; did you mean 'connect'?",
    ],
    [
      withRoute("  - proxy:\n      upstream: 'http://a'\n      timeouts: { connect: soon }\n"),
      /^c\.yaml:5:28: routes\[0\]\.proxy\.timeouts\.connect must be .*"soon"/,
    ],
    [withRoute('  - proxy: {}\n'), 'c.yaml:3:5: routes[0].proxy.upstream is required'],
    [
      `${withRoute('  - proxy: { upstream: fils }\n')}upstreams: { files: { url: 'http://a' } }\n`,
      'c.yaml:3:24: routes[0].proxy.upstream must be a URL or the name of an upstream, not "fils"; did you mean \'files\'?',
    ],
    [
      `${withRoute('  - proxy: { upstream: files }\n')}upstreams:\n  files:\n    url: ftp://a\n`,
      /^c\.yaml:6:10: upstreams\.files\.url must be/,
    ],
    [`defaults: { limits: { minRate: fast } }\n${valid}`, /^c\.yaml:1:32: defaults\.limits\.minRate must be/],
    [
      withRoute("  - respond: {}\n    access: { addresses: { allow: ['10.0.0.0/99'] } }\n"),
      /^c\.yaml:4:36: routes\[0\]\.access\.addresses\.allow\[0\] must be an address or a CIDR range/,
    ],
    [
      withRoute('  - gateway: {}\n'),
      'c.yaml:3:5: routes[0].gateway.keys is required, unless unsigned is true',
    ],
    [valid.replace('127.0.0.1:0', '127.0.0.1'), /^c\.yaml:2:14: listeners\[0\]\.address must be host:port/],
    ['listeners: []\nroutes: []\n', 'c.yaml:1:1: listeners must have at least one'],
    [`tls:\n${valid}`, 'c.yaml:1:5: tls must be an object, not null'],
    ['routes: [{ respond: {} }]\n', 'c.yaml:1:1: listeners is required'],
  ] as const)('%#', ([text, expected], { net }) => {
    const [first, ...more] = problemsOf(net, text);
    expect(first).toMatch(expected instanceof RegExp ? expected : new RegExp(`^${escape(expected)}$`));
    expect(more.length).toBeLessThan(2);
  });

  test('in what an alias and a merge key bring in', ({ net }) => {
    const text = `${valid}upstreams:\n  a: &a { url: 'http://a', protocol: spdy }\n  b: *a\n  c: { <<: *a, url: 'http://c' }\n`;
    expect(problemsOf(net, text).map((line) => line.split(' must ')[0])).toEqual([
      'c.yaml:6:38: upstreams.a.protocol',
      'c.yaml:6:38: upstreams.b.protocol',
      'c.yaml:6:38: upstreams.c.protocol',
    ]);
  });

  test('and all of them are told at once, each once', ({ net }) => {
    const lines = problemsOf(
      net,
      `listeners: [{ address: x, tls: true }]
drainTimeout: 1w
defaults: { access: { basic: { users: {} } } }
routes:
  - path: files
    proxy: { upstream: nowhere }
  - path: /a
    respond: { status: 99 }
  - path: /a
    redirect: { to: javascript }
  - path: /b
`,
    );
    expect(lines.map((line) => /^c\.yaml:\d+:\d+: (\S+)/.exec(line)?.[1] ?? line).toSorted(compare)).toEqual([
      'defaults.access.basic.users',
      'drainTimeout',
      'listeners[0].address',
      'listeners[0].tls',
      'routes[0].path',
      'routes[0].proxy.upstream',
      'routes[1].respond.status',
      'routes[2]',
      'routes[2].redirect.to',
      'routes[3]',
    ]);
  });
});

const compare = (a: string, b: string): number => (a < b ? -1 : 1);

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

describe('a file that is no configuration', () => {
  test.for([
    ['is empty', '', /^c\.yaml: is empty; sluiceway config init/],
    ['has comments only', '# nothing\n', /is empty/],
    ['is one value', 'files\n', /must be an object/],
    ['is a list', '- a\n', /must be an object/],
    ['is not closed', 'routes: [\n', /^c\.yaml:2:1: is not valid YAML: /],
    ['has a key twice', `${valid}routes: []\n`, 'c.yaml:5:1: the key routes is there twice'],
    ['has two documents', `${valid}---\n${valid}`, 'c.yaml:5:1: the file must have one document only'],
    ['has tags', 'routes: !!js/function "x"\n', /^c\.yaml:1:9: the file must have no tags/],
    ['is not UTF-8', Buffer.from([0x61, 0x3a, 0x20, 0xff, 0x0a]), 'c.yaml: is not in UTF-8'],
    ['is nested without end', `a: ${'['.repeat(200_000)}`, /^c\.yaml: is nested too deeply$/],
    ['is nested deeply', `a: ${'['.repeat(300)}${']'.repeat(300)}\n`, /^c\.yaml: is nested too deeply, or/],
    ['has an anchor that contains itself', 'a: &a\n  b: *a\n', /or has an anchor that contains itself$/],
    ['has a list that contains itself twice', 'a: &a [*a, *a]\n', /or has an anchor that contains itself$/],
    ['is larger than 4 MiB', Buffer.alloc(50 * 1024 * 1024, '# filler\n'), /^c\.yaml: is larger than 4MiB/],
  ] as const)('because it %s', ([_why, text, expected], { net }) => {
    const [first = ''] = problemsOf(net, text);
    expect(first).toMatch(expected);
  });

  test('because its aliases stand for gigabytes [Sluiceway]', ({ net }) => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const inner = i === 0 ? '"lol"' : `*a${i - 1}`;
      return `a${i}: &a${i} [${Array.from({ length: 9 }, () => inner).join(', ')}]`;
    });
    expect(problemsOf(net, `${levels.join('\n')}\n`)).toEqual([
      'c.yaml: uses its anchors too often; write out what they stand for',
    ]);
  });

  test('because it is not there, or a folder', ({ net }) => {
    const folder = scratchFolder(net);
    mkdirSync(join(folder, 'd'));
    expect(problemsOfFile(join(folder, 'no.yaml'), folder)).toEqual([
      'no.yaml: cannot be read: no such file',
    ]);
    expect(problemsOfFile(join(folder, 'd'), folder)).toEqual(['d: cannot be read: it is a directory']);
  });

  test.skipIf(process.getuid?.() === 0)('because it may not be read', ({ net }) => {
    const folder = scratchFolder(net);
    const path = join(folder, 'c.yaml');
    writeFileSync(path, valid, { mode: 0 });
    expect(problemsOfFile(path, folder)).toEqual(['c.yaml: cannot be read: permission denied']);
  });
});

describe('routes', () => {
  test.for([
    ['the same host and path', '  - { respond: {} }\n  - { path: /, respond: {} }\n', true],
    [
      'a path with and without a slash',
      '  - { path: /a, respond: {} }\n  - { path: /a/, respond: {} }\n',
      true,
    ],
    [
      'one of several hosts',
      '  - { host: [a.test, B.test], respond: {} }\n  - { host: b.test., respond: {} }\n',
      true,
    ],
    [
      'HEAD as a part of GET',
      '  - { methods: [GET], respond: {} }\n  - { methods: [HEAD], respond: {} }\n',
      true,
    ],
    ['another method', '  - { methods: [GET], respond: {} }\n  - { methods: [PUT], respond: {} }\n', false],
    ['all methods and one', '  - { methods: [GET], respond: {} }\n  - { respond: {} }\n', false],
    [
      'a prefix and exactly that path',
      '  - { path: /a, respond: {} }\n  - { pattern: /a, respond: {} }\n',
      false,
    ],
  ] as const)('for %s', ([_what, lines, isDuplicate], { net }) => {
    const problems = problemsOf(net, withRoute(lines));
    expect(problems).toHaveLength(isDuplicate ? 1 : 0);
    if (isDuplicate)
      expect(problems[0]).toMatch(/^c\.yaml:4:5: routes\[1\] is for the same requests as routes\[0\]$/);
  });

  test.for([
    ['two actions', "{ respond: {}, redirect: { to: '/' } }", /exactly one of .*, not redirect and respond/],
    ['path and pattern', '{ path: /a, pattern: /b, respond: {} }', /either path or pattern/],
    ['a query', "{ path: '/a?b', respond: {} }", /must be a path such as/],
    ['dot segments', '{ path: /a/%2e%2E, respond: {} }', /dot segments/],
    ['a wildcard in a prefix', '{ path: /files/**, respond: {} }', /must not contain \*: .* use pattern/],
    ['** inside', "{ pattern: '/a/**/b', respond: {} }", /only as the whole last segment/],
    ['a host with a port', "{ host: 'a.test:80', respond: {} }", /host without a port/],
    ['a host with a star inside', "{ host: 'a.*.test', respond: {} }", /must be a host/],
    ['a status of interim responses', '{ respond: { status: 100 } }', /from 200 to 599/],
    ['a header that frames', "{ respond: { headers: { Content-Length: '1' } } }", /frames the message/],
    ['a redirect to a script', "{ redirect: { to: 'javascript:alert(1)' } }", /must be an http/],
    ['a redirect without a scheme', "{ redirect: { to: '//evil.test' } }", /must be an http/],
    [
      'stripPrefix with a pattern',
      "{ pattern: /a, proxy: { upstream: 'http://a', stripPrefix: true } }",
      /needs path/,
    ],
    [
      'an unknown profile object',
      "{ proxy: { upstream: 'http://a', profile: { name: x } } }",
      /profile must be one of/,
    ],
    ['access to nobody knows what', '{ respond: {}, access: {} }', /must have a rule; 'everyone'/],
    ['no rule behind the colon', '{ respond: {}, access: }', /must be an object, not null/],
    ['a hook', "{ proxy: { upstream: 'http://a', onRequest: x } }", /onRequest is not an option/],
  ] as const)('with %s are refused', ([_what, route, expected], { net }) => {
    expect(problemsOf(net, withRoute(`  - ${route}\n`))[0]).toMatch(expected);
  });
});

describe('listeners', () => {
  test.for([
    ["[{ address: ':1' }, { address: ':1' }]", /listeners\[1\]\.address is the address of listeners\[0\]/],
    ["[{ address: ':1', mode: '0660' }]", /mode is for Unix sockets only/],
    ["[{ address: 'unix:a', mode: 0660 }]", /mode must be three octal digits in quotes/],
    ["[{ address: ':1', hsts: true }]", /hsts needs tls/],
    ["[{ address: ':1', tls: true }]", /tls needs the top-level tls/],
    ["[{ address: ':1', tls: { certificates: [] } }]", /certificates must have at least one/],
    ["[{ address: ':1', redirectToHttps: { status: 200 } }]", /redirectToHttps\.status must be 301/],
  ] as const)('%s are refused', ([listeners, expected], { net }) => {
    expect(problemsOf(net, `listeners: ${listeners}\nroutes: [{ respond: {} }]\n`)[0]).toMatch(expected);
  });

  test('port 0 and different addresses may be there several times', ({ net }) => {
    const text =
      "listeners: [{ address: ':0' }, { address: ':0' }, { address: '127.0.0.1:1' }, { address: '[::1]:1' }]\n";
    expect(problemsOf(net, `${text}routes: [{ respond: {} }]\n`)).toEqual([]);
  });
});
