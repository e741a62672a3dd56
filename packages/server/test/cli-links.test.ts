import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLinks, formatKeys, type Key, parseKeys } from 'sluiceway/gateway';
import { afterEach, beforeEach, describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { sluiceway } from './support/program.js';

const keys: readonly Key[] = [{ id: 'k1', secret: Buffer.alloc(32, 1).toString('base64url') }];
const url = 'https://bucket.example/a%20b.iso?signature=hidden';

let directory: string;
let keyFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluiceway-links-'));
  keyFile = join(directory, 'keys.json');
  writeFileSync(keyFile, formatKeys(keys), { mode: 0o600 });
});
afterEach(() => rmSync(directory, { recursive: true }));

const idsIn = (file: string): string[] => parseKeys(readFileSync(file, 'utf8')).map(({ id }) => id);
const modeOf = (file: string): number => statSync(file).mode & 0o777;

async function run(net: Network, ...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const program = sluiceway(net, ...args);
  return { code: await program.exited, out: program.stdout, err: program.stderr };
}

async function sign(net: Network, ...flags: string[]): Promise<string> {
  const { code, out, err } = await run(net, 'sign', url, '--keys', keyFile, '--expires', '1h', ...flags);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^\S+\n$/);
  return out.trim();
}

describe('keys new', () => {
  test('prints a key file that nobody has seen before', async ({ net }) => {
    const [one, two] = [await run(net, 'keys', 'new'), await run(net, 'keys', 'new')];
    const [key] = parseKeys(one.out);
    expect([one.code, one.err, parseKeys(one.out).length]).toEqual([0, '', 1]);
    expect(key?.secret).not.toBe(parseKeys(two.out)[0]?.secret);
  });

  test('--out writes a file that only its owner can read, and says no secret', async ({ net }) => {
    const file = join(directory, 'new.json');
    const { code, out } = await run(net, 'keys', 'new', '--out', file);
    const [key] = parseKeys(readFileSync(file, 'utf8'));
    expect([code, out]).toEqual([0, `sluiceway: wrote the key ${key?.id} to ${file}\n`]);
    expect(out).not.toContain(key?.secret);
    expect(modeOf(file)).toBe(0o600);
  });

  test('--out leaves a file that is there as it is, and writes over it with --force', async ({ net }) => {
    chmodSync(keyFile, 0o644);
    const refused = await run(net, 'keys', 'new', '--out', keyFile);
    expect([refused.code, refused.err]).toEqual([
      1,
      `sluiceway: cannot write ${keyFile}: it already exists; --force overwrites it, --add adds a key to it\n`,
    ]);
    expect(idsIn(keyFile)).toEqual(['k1']);
    expect((await run(net, 'keys', 'new', '--out', keyFile, '--force')).code).toBe(0);
    expect(idsIn(keyFile)).not.toContain('k1');
    expect(modeOf(keyFile)).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['keys.json']);
  });

  test('--add puts the new key first, and old links stay valid', async ({ net }) => {
    const link = await sign(net);
    const { code, out } = await run(net, 'keys', 'new', '--add', keyFile);
    expect(code).toBe(0);
    const [first = '', ...others] = idsIn(keyFile);
    expect(out).toBe(`sluiceway: the key ${first} is now the first in ${keyFile} and signs new links\n`);
    expect(others).toEqual(['k1']);
    const next = await sign(net);
    for (const each of [link, next]) expect((await run(net, 'verify', each, '--keys', keyFile)).code).toBe(0);
    expect((await run(net, 'verify', next, '--keys', keyFile)).out).toContain(first);
  });

  test('--add keeps the mode of a file but for others, and what a symbolic link leads to', async ({
    net,
  }) => {
    chmodSync(keyFile, 0o646);
    const link = join(directory, 'link.json');
    symlinkSync(keyFile, link);
    expect((await run(net, 'keys', 'new', '--add', link)).code).toBe(0);
    expect(modeOf(keyFile)).toBe(0o640);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(idsIn(keyFile)).toHaveLength(2);
    expect(readdirSync(directory).toSorted()).toEqual(['keys.json', 'link.json']);
  });

  test('--add leaves what is no key file as it is, and shows none of it', async ({ net }) => {
    for (const text of ['secret', '{"keys": [{"id": "a", "secret": "secret"}]}']) {
      writeFileSync(keyFile, text);
      const { code, err } = await run(net, 'keys', 'new', '--add', keyFile);
      expect([code, err.includes('is not a key file'), readFileSync(keyFile, 'utf8')]).toEqual([
        1,
        true,
        text,
      ]);
      expect(err.replaceAll('"secret": "…"', '').replaceAll('keys[0].secret', '')).not.toContain('secret');
    }
  });

  test.for([
    [['--add', '/nowhere/keys.json'], 1, /cannot read \/nowhere\/keys\.json: no such file or directory/],
    [['--out', '/nowhere/keys.json'], 1, /cannot write \/nowhere\/keys\.json: no such file or directory/],
    [['--add', 'a', '--out', 'b'], 2, /--out and --add cannot be combined/],
    [['--force'], 2, /--force needs --out/],
    [['extra'], 2, /too many arguments/],
  ] as const)('%j ends with %i', async ([flags, expected, message], { net }) => {
    const { code, err } = await run(net, 'keys', 'new', ...flags);
    expect([code, err]).toEqual([expected, expect.stringMatching(message)]);
  });
});

describe('sign', () => {
  test('prints a link that permits what the flags say', async ({ net }) => {
    const link = await sign(
      net,
      ...[
        '--base',
        'https://files.example',
        '--path',
        '/get',
        '--filename',
        'ü b.iso',
        '--disposition',
        'inline',
      ],
      ...['--content-type', 'video/mp4', '--method', 'GET', '--method', 'PUT', '--max-bytes', '5GiB'],
      ...[
        '--rate',
        '1MiB',
        '--client-ip',
        '10.0.0.0/8',
        '--single-use',
        '--digest',
        `sha256:${'0'.repeat(64)}`,
        '--size',
        '1000',
        '--accept-encoding',
        'identity',
        '--mirror',
        'https://eu.files.example/a',
        '--mirror',
        'https://us.files.example/b',
      ],
      ...['--header', 'Authorization: Bearer a:b', '--header', 'X-Empty:'],
    );
    expect(link).toMatch(/^https:\/\/files\.example\/get\/%C3%BC%20b\.iso\?link=[\w-]+$/);
    const { grant, key } = createLinks({ keys }).read(link);
    expect(key).toBe('k1');
    expect(grant).toEqual({
      url,
      expires: grant.expires,
      filename: 'ü b.iso',
      disposition: 'inline',
      contentType: 'video/mp4',
      mirrors: ['https://eu.files.example/a', 'https://us.files.example/b'],
      digest: `sha-256=:${'A'.repeat(43)}=:`,
      digestSidecar: null,
      size: 1000,
      acceptEncoding: 'identity',
      methods: ['GET', 'PUT'],
      maxBytes: 5 * 2 ** 30,
      rate: 2 ** 20,
      clientIp: '10.0.0.0/8',
      singleUse: true,
      headers: { Authorization: 'Bearer a:b', 'X-Empty': '' },
    });
    expect(grant.expires).toBeGreaterThan(Date.now() / 1000 + 3500);
  });

  test('has the defaults of the library, and its readable form', async ({ net }) => {
    const link = await sign(net, '--form', 'signed');
    expect(link).toMatch(
      /^\/download\?expires=\d+&key=k1&url=https%3A%2F%2Fbucket\.example%2Fa%2520b\.iso%3F/,
    );
    const other = createLinks({ keys }).sign({ url, expires: '1h' });
    const permits = (text: string) => ({ ...createLinks({ keys }).read(text).grant, expires: 0 });
    expect(permits(link)).toEqual(permits(other));
  });

  test('--expires takes a moment as well', async ({ net }) => {
    const moment = new Date(Math.ceil(Date.now() / 1000) * 1000 + 86_400_000);
    const { out } = await run(net, 'sign', url, '--keys', keyFile, '--expires', moment.toISOString());
    expect(createLinks({ keys }).read(out.trim()).grant.expires).toBe(moment.getTime() / 1000);
  });

  test.for<[what: string, args: readonly string[], message: RegExp]>([
    ['no URL', ['--expires', '1h'], /missing required argument 'url'/],
    ['no end', [url], /required option '--expires <when>' not specified/],
    ['an end in the past', [url, '--expires', '2001-01-01'], /--expires: must be in the future/],
    ['an end that is none', [url, '--expires', 'soon'], /--expires: must be a duration/],
    ['a URL that is none', ['bucket', '--expires', '1h'], /<url>: must be a URL that starts with/],
    [
      'a password in the URL',
      ['https://a:secret@b/', '--expires', '1h'],
      /<url>: must not contain a user name/,
    ],
    [
      'a field that is none',
      [url, '--expires', '1h', '--header', 'secret'],
      /--header: must be a field such as/,
    ],
    [
      'a field twice',
      [url, '--expires', '1h', '--header', 'A: secret', '--header', 'A: b'],
      /--header: must not name A twice/,
    ],
    [
      'a field of the proxy',
      [url, '--expires', '1h', '--header', 'Host: secret'],
      /--header Host: must not be set by a link/,
    ],
    [
      'fields in a readable link',
      [url, '--expires', '1h', '--header', 'A: secret', '--form', 'signed'],
      /--header: must not be in a signed link/,
    ],
    ['a method that is none', [url, '--expires', '1h', '--method', 'a b'], /--method: must be a method/],
    [
      'a client that is none',
      [url, '--expires', '1h', '--client-ip', 'me'],
      /--client-ip: must be an address/,
    ],
    ['a base that is none', [url, '--expires', '1h', '--base', 'files'], /--base: must be a URL/],
    [
      'an unknown form',
      [url, '--expires', '1h', '--form', 'plain'],
      /'plain' is invalid\. Allowed choices are encrypted, signed/,
    ],
  ])('%s is a usage error that repeats no secret', async ([, args, message], { net }) => {
    const { code, out, err } = await run(net, 'sign', '--keys', keyFile, ...args);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(message)]);
    expect(err).not.toContain('secret');
  });

  test.for([
    ['that is not there', null, /--keys: names a file that cannot be read: ENOENT/],
    ['that is none', 'secret', /--keys: must contain JSON such as/],
    [
      'with a bad key',
      '{"keys": [{"id": "secret!", "secret": "secret"}]}',
      /keys\[0\]\.id: must be 1 to 32 letters.*; keys\[0\]\.secret: /,
    ],
  ] as const)('a key file %s is a usage error', async ([, text, message], { net }) => {
    if (text === null) rmSync(keyFile);
    else writeFileSync(keyFile, text);
    const { code, err } = await run(net, 'sign', url, '--keys', keyFile, '--expires', '1h');
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
    expect(err.replaceAll(/"secret": "…"|keys\[0\]\.secret/g, '')).not.toContain('secret');
  });

  test.skipIf(process.platform === 'win32')('warns of a key file that others can read', async ({ net }) => {
    chmodSync(keyFile, 0o644);
    const { code, err } = await run(net, 'sign', url, '--keys', keyFile, '--expires', '1h');
    expect([code, err]).toEqual([
      0,
      expect.stringContaining(`Other users of the machine can read or change the secrets in ${keyFile}`),
    ]);
  });
});

describe('verify', () => {
  test('says in words what a link permits, and shows neither the query of the URL nor what fields say', async ({
    net,
  }) => {
    const link = await sign(
      net,
      '--filename',
      'a b.iso',
      '--header',
      'Authorization: Bearer hidden',
      '--rate',
      '1MiB',
    );
    const { code, out } = await run(net, 'verify', `${link}#t=30`, '--keys', keyFile);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('The link works.');
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual(
      expect.arrayContaining([
        ['file', 'https://bucket.example/a%20b.iso?…'],
        ['expires', expect.stringMatching(/^20\d\d-\d\d-\d\dT\S+Z \(in (1h\S*|59m\S*)\)$/)],
        ['methods', 'GET, HEAD'],
        ['saved as', '"a b.iso"'],
        ['rate', 'at most 1MiB per second, all downloads together'],
        ['headers', 'Authorization'],
        ['key', 'k1'],
      ]),
    );
    expect(out).not.toContain('hidden');
  });

  test('says why a link does not work for a use, beside what it permits', async ({ net }) => {
    const link = await sign(net, '--client-ip', '192.0.2.0/24', '--single-use');
    const cases: [flags: string[], code: number, verdict: string][] = [
      [[], 1, 'The link is bound to a client address: give the address with --client-ip.'],
      [['--client-ip', '198.51.100.1'], 1, 'The link is for another client.'],
      [['--client-ip', '192.0.2.9', '--method', 'POST'], 1, 'The link does not permit this method.'],
      [['--client-ip', '::ffff:192.0.2.9', '--method', 'HEAD'], 0, 'The link works.'],
    ];
    for (const [flags, code, verdict] of cases) {
      const result = await run(net, 'verify', link, '--keys', keyFile, ...flags);
      expect([result.code, result.out.split('\n')[0]]).toEqual([code, verdict]);
      expect(result.out).toContain('192.0.2.0/24');
    }
  });

  test('says that a link has expired, and when', async ({ net }) => {
    const link = createLinks({ keys }).sign({ url, expires: 1 });
    // The end is rounded up to a whole second.
    await expect
      .poll(() => Date.now() / 1000 >= createLinks({ keys }).read(link).grant.expires, { timeout: 5000 })
      .toBe(true);
    const { code, out } = await run(net, 'verify', link, '--keys', keyFile);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/^The link has expired\.\n[^]*expires +20\S+Z \(\d+m?s ago\)/),
    ]);
  });

  test.for<[what: string, change: (link: string) => string, message: RegExp]>([
    [
      'one letter is another',
      (link) => link.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')),
      /^The link is not valid: it (has been changed|is not canonical base64url)/,
    ],
    ['it has no query', () => '/download', /^The link is not valid: it has no query\.$/],
    [
      'it is cut short',
      (link) => link.slice(0, 40),
      /^The link is not valid: it is (truncated|not canonical base64url)/,
    ],
    [
      'a mailer has added to it',
      (link) => `${link}&utm_source=mail`,
      /^The link is not valid: it is not canonical base64url/,
    ],
    [
      'it is another link altogether',
      () => 'https://a.example/?q=secret',
      /^The link is not valid: it has no signature\.$/,
    ],
  ])('says why a link is not valid: %s', async ([, change, message], { net }) => {
    const { code, out } = await run(net, 'verify', change(await sign(net)), '--keys', keyFile);
    expect([code, out.trim()]).toEqual([1, expect.stringMatching(message)]);
    expect(out).not.toContain('secret');
  });

  test('says that a key is missing', async ({ net }) => {
    const link = await sign(net);
    writeFileSync(keyFile, formatKeys([{ ...keys[0], id: 'k2' } as Key]));
    const { code, out } = await run(net, 'verify', link, '--keys', keyFile);
    expect([code, out]).toEqual([1, 'The link is not valid: it needs a key that is not here.\n']);
  });
});
