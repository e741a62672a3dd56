import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConfigError } from '../../src/config/config-error.js';
import { ConfigFile } from '../../src/config/file.js';
import { maskSecrets } from '../../src/config/mask.js';
import { configMembers } from '../../src/config/options.js';
import { showConfig } from '../../src/config/show.js';
import { checkOnly, compile } from '../../src/server/compile.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluiceway-substitution-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.unstubAllEnvs());

const fileOf = (name: string, text: string | Buffer): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

const read = (text: string): ConfigFile => new ConfigFile(fileOf('c.yaml', text), configMembers);

function messageOf(text: string): string {
  try {
    const { routes } = compile(read(text), checkOnly);
    for (const { handler } of routes.routes) handler.destroy();
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.replaceAll(`${folder}/`, '');
  }
}

describe('a reference', () => {
  test('is the value of a variable, or the content of a file without its last line break [OpenTelemetry Collector]', () => {
    vi.stubEnv('A', 'one');
    fileOf('secret', 'two\n\n');
    const { value } = read("a: ${env:A}\nb: 'x-${env:A}-${file:secret}-y'\nc: [{ d: '${file:secret}' }]\n");
    expect(value).toEqual({ a: 'one', b: 'x-one-two\n-y', c: [{ d: 'two\n' }] });
  });

  test('has a text for when the variable is not set or empty [POSIX 2.6.2]', () => {
    vi.stubEnv('EMPTY', '');
    expect(read('a: ${env:NOT_SET_AT_ALL:-x:-y}\nb: ${env:EMPTY:-z}\nc: "${env:EMPTY:-}"\n').value).toEqual({
      a: 'x:-y',
      b: 'z',
      c: '',
    });
  });

  test('can be written as itself, and a dollar alone is one', () => {
    expect(read("a: $${env:A}\nb: $2y$05$x\nc: 'a$b'\n").value).toEqual({
      a: '${env:A}',
      b: '$2y$05$x',
      c: 'a$b',
    });
  });

  test('becomes a number or boolean where the option takes one, and stays text elsewhere', () => {
    vi.stubEnv('N', '12345');
    vi.stubEnv('B', 'true');
    const { value } = read(
      'upstreams: { a: { connections: { max: "${env:N}" } } }\nroutes: [{ proxy: { resume: "${env:B}", stripPrefix: "${env:B}" }, name: "${env:N}" }]\n',
    );
    expect(value).toEqual({
      upstreams: { a: { connections: { max: 12_345 } } },
      routes: [{ proxy: { resume: true, stripPrefix: true }, name: '12345' }],
    });
  });

  test.for([
    ['${env:NOT_SET_AT_ALL}', 'c.yaml:1:7: name refers to the variable NOT_SET_AT_ALL, which is not set'],
    [
      '${file:no-such-file}',
      'c.yaml:1:7: name refers to the file no-such-file, which cannot be read: ENOENT',
    ],
    ['${NAME}', /^c\.yaml:1:7: name has a reference that is neither/],
    ['${env:}', /has a reference that is neither/],
    ['${env:A', /has a reference that is neither/],
    ['${file:large}', /which is larger than 1MiB/],
    ['${file:binary}', /which is not in UTF-8/],
  ] as const)('%s is a mistake', ([text, expected]) => {
    fileOf('large', Buffer.alloc(1024 * 1024 + 1, 'a'));
    fileOf('binary', Buffer.from([0xff]));
    expect(messageOf(`name: '${text}'\n`)).toMatch(expected);
  });
});

describe('no message tells what a reference stands for', () => {
  test.for([
    ['timeouts: { connect: "${env:SECRET}" }', 'connect must be'],
    ['name: "${env:SECRET}"', 'name must be'],
    ['profile: "${env:SECRET}"', 'profile must be one of'],
    ['headers: { host: "${env:SECRET}" }', 'host must be'],
    ['trustedProxies: ["${env:SECRET}"]', 'trustedProxies'],
    ['upstream: "${env:SECRET}"', 'upstream must be'],
  ] as const)('in %s', ([option, expected]) => {
    vi.stubEnv('SECRET', 'hush "hush"/@');
    const upstream = option.startsWith('upstream') ? '' : 'upstream: http://a, ';
    const message = messageOf(
      `listeners: [{ address: ':0' }]\nroutes: [{ proxy: { ${upstream}${option} } }]\n`,
    );
    expect(message).toContain(expected);
    expect(message).not.toMatch(/hush/);
  });
});

describe('config show', () => {
  const written = {
    upstreams: {
      a: { url: 'https://user:hush@a.test/x?sig=hush', tls: { key: '-----BEGIN PRIVATE KEY-----\nhush' } },
    },
    defaults: {
      timeouts: { connect: '5s', total: '1h' },
      access: { basic: { users: { ada: '$2y$05$hush' } } },
    },
    routes: [
      {
        proxy: {
          upstream: 'a',
          timeouts: { total: '2h' },
          headers: { request: { set: { 'X-Key': 'hush', Authorization: 'Bearer ${file:token}' } } },
        },
      },
      {
        path: '/g',
        access: 'everyone',
        gateway: { keys: [{ id: 'k', secret: 'hush' }], egressProxy: 'http://u:hush@p' },
      },
      {
        path: '/t',
        access: {
          any: [{ bearer: { tokens: ['hush-hush-hush-hush'] } }, { bearer: { tokens: { ci: 'hush' } } }],
        },
        redirect: { to: 'https://b.test/?token=hush' },
      },
      { path: '/e', respond: { content: '${env:X:-hush} ${env:Y}' } },
    ],
  };

  test('masks every secret, and shows references and the rest', () => {
    const text = showConfig(written, [3, 2, 1, 0]);
    expect(text).not.toContain('hush');
    for (const shown of [
      'https://********@a.test/x?********',
      '${env:Y}',
      'ada: "********"',
      'id: k',
      'upstream: a',
    ])
      expect(text).toContain(shown);
    expect(maskSecrets({ a: { headers: { request: { set: { A: '${file:token}' } } } } })).toEqual({
      a: { headers: { request: { set: { A: '${file:token}' } } } },
    });
  });

  test('masks secrets whose names contain dots or are those of a member', () => {
    const masked = {
      basic: { users: { 'ada@example.com': 'hush', 'my.file': 'hush', file: 'hush' } },
      bearer: { tokens: { 'ci.deploy': 'hush', 'x.env': 'hush', env: 'hush' } },
      headers: {
        request: { set: { 'X.Key': 'hush', 'a.file': 'hush', env: ['hush', 'hush'] } },
        response: { append: { 'Set-Cookie': ['hush'] } },
      },
      route: { headers: { request: { set: { file: 'hush' } } } },
    };
    expect(JSON.stringify(maskSecrets(masked))).not.toContain('hush');
    expect(maskSecrets({ basic: { users: { file: 'a/users' } } })).toEqual({
      basic: { users: { file: 'a/users' } },
    });
  });

  test('gives each route what it has of the defaults, in the given order', () => {
    const text = showConfig(written, [3, 2, 1, 0]);
    expect(text.indexOf('path: /e')).toBeLessThan(text.indexOf('path: /g'));
    expect(text).toMatch(/timeouts:\n\s+total: 2h\n\s+connect: 5s/);
    expect(text.match(/connect: 5s/g)).toHaveLength(2);
    expect(text).not.toContain('defaults');
    expect(text.match(/ada:/g)).toHaveLength(2);
  });
});
