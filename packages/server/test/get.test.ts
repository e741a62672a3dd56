import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { hexOf, memberOf } from '../../sluiceway/test/support/digests.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import type { RequestHead } from '../../sluiceway/test/support/message-head.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../../sluiceway/test/support/ranged-origin.js';
import { type OriginScript, respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluiceway } from './support/program.js';

const file = seededBytes('get', 0, 300_000);
const other = seededBytes('other', 0, 300_000);
const ETAG = ['ETag: "v1"'];

/** Runs `sluiceway get` in a folder of its own. */
async function setUp(net: Network, script: OriginScript, name = 'a.bin') {
  const origin = await net.origin(script);
  const folder = scratchFolder(net);
  const output = join(folder, name);
  const run = async (...flags: string[]) => {
    const program = sluiceway(net, 'get', `${origin.url}/files/${name}?token=secret`, '-o', output, ...flags);
    return { code: await program.exited, out: program.stdout, err: program.stderr };
  };
  const saved = (): Buffer => readFileSync(output);
  const names = (): string[] => readdirSync(folder).toSorted();
  return { origin, folder, output, run, saved, names };
}

/** Serves the file, and notes the ranges that are asked for. */
function noting(
  decide: (request: FileRequest) => Delivery | 'whole' | Buffer,
  { content = () => file, fields = ETAG }: { content?: () => Buffer; fields?: readonly string[] } = {},
) {
  const asked: { range: string | null; ifRange: string | null }[] = [];
  let requests = 0;
  const script: OriginScript = (connection) =>
    rangedOrigin(
      content(),
      (request) => {
        asked.push({
          range: request.head.get('range') ?? null,
          ifRange: request.head.get('if-range') ?? null,
        });
        requests += 1;
        return decide({ ...request, index: requests - 1 });
      },
      fields,
    )(connection);
  return { script, asked };
}

/** Answers all requests, and keeps their heads. */
function keeping(respond: (head: RequestHead) => string | Uint8Array) {
  const requests: RequestHead[] = [];
  const script = respondWith((head) => {
    requests.push(head);
    return respond(head);
  });
  return { requests, script };
}

const cut = (bytes: number): Delivery => ({ bytes, ending: 'reset' });
const whole = (status: string, fields: readonly string[], content: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `HTTP/1.1 ${status}\r\n${[...fields, `Content-Length: ${content.length}`].join('\r\n')}\r\n\r\n`,
    ),
    content,
  ]);

describe('one run', () => {
  test('saves the file under its name, and leaves nothing else [Sluiceway]', async ({ net }) => {
    const { run, saved, names } = await setUp(net, noting(() => 'whole').script);
    const { code, out, err } = await run();
    expect([code, out]).toEqual([0, '']);
    expect(err).toMatch(/^sluiceway: saved \S+\/a\.bin: 293 KiB in 0:0\d, .*\/s\n$/);
    expect(saved().equals(file)).toBe(true);
    expect(names()).toEqual(['a.bin']);
  });

  test('continues a download that breaks [Sluiceway]', async ({ net }) => {
    const { script, asked } = noting(({ index }) => (index < 3 ? cut(70_000) : 'whole'));
    const { run, saved } = await setUp(net, script);
    const { code, out } = await run('--json');
    const end = out.split('\n').findLast((line) => line !== '') ?? '';
    expect(code).toBe(0);
    expect(JSON.parse(end)).toMatchObject({ event: 'end', outcome: 'complete', bytes: 300_000, resumes: 3 });
    expect(asked.length).toBe(4);
    expect(saved().equals(file)).toBe(true);
  });

  test('-o - writes the file to standard output, and status to standard error [curl]', async ({ net }) => {
    const { run, names } = await setUp(
      net,
      respondWith(() => sized('some text')),
    );
    const { code, out, err } = await run('-o', '-');
    expect([code, out, err]).toEqual([0, 'some text', '']);
    expect(names()).toEqual([]);
  });

  test('-o - continues a download that breaks, without a byte too many [Sluiceway]', async ({ net }) => {
    const text = Buffer.from('0123456789'.repeat(20_000));
    const { script } = noting(({ index }) => (index < 4 ? cut(30_000) : 'whole'), { content: () => text });
    const { run } = await setUp(net, script);
    const { code, out } = await run('-o', '-');
    expect(code).toBe(0);
    expect(out === text.toString()).toBe(true);
  });

  test('content of unknown length is saved, and is not taken for whole if it breaks [RFC 9112 7.1]', async ({
    net,
  }) => {
    const { run, saved, names } = await setUp(net, async (connection) => {
      const { target } = await connection.readHead();
      const end = target.includes('broken') ? 'zz' : '0\r\n\r\n';
      await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n${end}`);
      connection.end();
    });
    expect((await run()).code).toBe(0);
    expect(saved().toString()).toBe('hello');
    expect(names()).toEqual(['a.bin']);
  });

  test('an empty file is saved [Sluiceway]', async ({ net }) => {
    const { run, saved } = await setUp(
      net,
      respondWith(() => sized('')),
    );
    expect((await run()).code).toBe(0);
    expect(saved().length).toBe(0);
  });

  test('no content coding is requested, and the bytes are saved as they come [RFC 9110 12.5.3]', async ({
    net,
  }) => {
    const { requests, script } = keeping(() => sized('x'));
    const { run } = await setUp(net, script);
    await run();
    expect(requests[0]?.get('accept-encoding')).toBe('identity');
    expect(requests[0]?.get('user-agent')).toMatch(/^sluiceway\/\d/);
  });

  test('--quiet prints nothing for a download that succeeds [curl]', async ({ net }) => {
    const { run } = await setUp(net, noting(() => 'whole').script);
    expect(await run('--quiet')).toEqual({ code: 0, out: '', err: '' });
  });

  test('--json prints one object per line, without the query of the URL [Sluiceway]', async ({ net }) => {
    const { run, output } = await setUp(net, noting(() => 'whole').script);
    const { out, err } = await run('--json');
    const events = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.map(({ event }) => event)).toEqual(['start', 'end']);
    expect(events[1]).toMatchObject({ file: output, total: 300_000, resumedFrom: 0, error: null });
    expect(out + err).not.toContain('secret');
  });
});

describe('several runs', () => {
  test('a run that breaks leaves a part, which the next run continues [RFC 9110 13.1.5]', async ({ net }) => {
    const { script, asked } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, saved, names, folder } = await setUp(net, script);
    const broken = await run('--retry-for', '0');
    expect(broken.code).toBe(3);
    expect(names()).toEqual(['a.bin.part', 'a.bin.part.json']);
    const { size, mode } = statSync(join(folder, 'a.bin.part.json'));
    expect([size > 0, mode & 0o777]).toEqual([true, 0o600]);
    expect(readFileSync(join(folder, 'a.bin.part.json'), 'utf8')).not.toContain('secret');
    const { code, out } = await run('--json');
    expect(code).toBe(0);
    expect(out).toMatch(/"resumedFrom":\d{5,6},/);
    expect(asked[1]?.range).toMatch(/^bytes=9\d{4}-$/);
    expect(asked[1]?.ifRange).toBe('"v1"');
    expect(saved().equals(file)).toBe(true);
    expect(names()).toEqual(['a.bin']);
  });

  test('a file that has changed meanwhile is downloaded from its start [Sluiceway]', async ({ net }) => {
    let content = file;
    const { run, saved } = await setUp(net, (connection) =>
      rangedOrigin(
        content,
        ({ isRange }) =>
          isRange ? whole('200 OK', ['ETag: "v2"'], content) : content === file ? cut(100_000) : 'whole',
        [`ETag: "${content === file ? 'v1' : 'v2'}"`],
      )(connection),
    );
    expect((await run('--retry-for', '0')).code).toBe(3);
    content = other;
    const { code, err } = await run();
    expect(code).toBe(0);
    expect(err).toContain('the file has changed: its ETag is different; starting again\n');
    expect(saved().equals(other)).toBe(true);
  });

  test('with --no-restart, a file that has changed is an error, and the part stays [Sluiceway]', async ({
    net,
  }) => {
    let etag = '"v1"';
    const { run, names } = await setUp(net, (connection) =>
      rangedOrigin(
        file,
        ({ isRange }) => (isRange ? whole('200 OK', [`ETag: ${etag}`], other) : cut(100_000)),
        [`ETag: ${etag}`],
      )(connection),
    );
    expect((await run('--retry-for', '0')).code).toBe(3);
    etag = '"v2"';
    expect((await run('--no-restart')).code).toBe(6);
    expect(names()).toEqual(['a.bin.part', 'a.bin.part.json']);
  });

  test('two files with one ETag are not spliced: the last bytes are compared [Sluiceway]', async ({
    net,
  }) => {
    let content = file;
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'), {
      content: () => content,
    });
    const { run, saved } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    content = other;
    const { code, err } = await run();
    expect(code).toBe(0);
    expect(err).toContain('the file has changed: its bytes are different; starting again');
    expect(saved().equals(other)).toBe(true);
  });

  test('with a weak ETag, the rest is not conditional, and up to 1 MiB is compared [RFC 9110 13.1.5]', async ({
    net,
  }) => {
    const fields = ['ETag: W/"v1"'];
    const { script, asked } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'), { fields });
    const { run, saved } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    expect((await run()).code).toBe(0);
    expect(asked[1]).toEqual({ range: 'bytes=0-', ifRange: null });
    expect(saved().equals(file)).toBe(true);
  });

  test('without anything that identifies the file, the next run starts again [Sluiceway]', async ({
    net,
  }) => {
    const { script, asked } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'), { fields: [] });
    const { run, saved } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    expect((await run()).code).toBe(0);
    expect(asked[1]).toEqual({ range: null, ifRange: null });
    expect(saved().equals(file)).toBe(true);
  });

  test('a server without ranges is asked for all, and only the missing bytes are written [RFC 9110 14.2]', async ({
    net,
  }) => {
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : whole('200 OK', ETAG, file)));
    const { run, saved } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    const { code, err } = await run();
    expect([code, err.includes('starting again')]).toEqual([0, false]);
    expect(saved().equals(file)).toBe(true);
  });

  test('a part that a crash left longer than its state is cut to what is safe [Sluiceway]', async ({
    net,
  }) => {
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, saved, folder } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    writeFileSync(join(folder, 'a.bin.part'), Buffer.alloc(9000), { flag: 'a' });
    expect((await run()).code).toBe(0);
    expect(saved().equals(file)).toBe(true);
  });

  test('a state that cannot be read does not let a part be continued [Sluiceway]', async ({ net }) => {
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, folder } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    writeFileSync(join(folder, 'a.bin.part.json'), '{"sluicewayGet":1,');
    const { code, err } = await run();
    expect(code).toBe(8);
    expect(err).toContain('a.bin.part has not been written by sluiceway get; choose another name with -o');
    expect((await run('--force')).code).toBe(0);
  });
});

test('breaks, stops and changes in any order never splice two versions of a file [Sluiceway]', async ({
  net,
}) => {
  const random = seededBytes('get-random', 0, 4096);
  let drawn = 0;
  const draw = (below: number): number => (random[drawn++ % random.length] ?? 0) % below;
  const versions = [file, other];
  for (const validators of [
    ['ETag: "1"', 'ETag: "2"'],
    ['ETag: W/"1"', 'ETag: W/"2"'],
    ['Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT', 'Last-Modified: Wed, 01 Jan 2020 00:00:09 GMT'],
    // The validator does not change with the file.
    ['ETag: "1"', 'ETag: "1"'],
    [],
  ]) {
    let version = 0;
    const { run, saved } = await setUp(net, async (connection) => {
      version = draw(3) === 0 ? 1 - version : version;
      const fields = [validators[version] ?? 'Server: none', 'Date: Wed, 01 Jan 2025 00:00:00 GMT'];
      await rangedOrigin(
        versions[version] ?? file,
        ({ head, end, first }) => {
          const condition = head.get('if-range');
          if (condition !== undefined && !fields.some((line) => line.endsWith(condition)))
            return whole('200 OK', fields, versions[version] ?? file);
          return draw(4) === 0 ? 'whole' : cut(Math.min(end - first - 1, draw(200) * 1000));
        },
        fields,
      )(connection);
    });
    let code: unknown = null;
    for (let runs = 0; code !== 0 && runs < 200; runs += 1) {
      ({ code } = await run('--retry-for', '0'));
      expect([0, 3, 6]).toContain(code);
    }
    expect(code).toBe(0);
    expect(versions.some((each) => each.equals(saved()))).toBe(true);
  }
});

describe('digests', () => {
  const digest = hexOf(file);

  test('a file with its digest is saved as verified [RFC 9530 3]', async ({ net }) => {
    const { run } = await setUp(net, noting(() => 'whole').script);
    const { code, err } = await run('--digest', digest);
    expect([code, err.includes(', digest verified')]).toEqual([0, true]);
  });

  test('a file with another digest is not saved, and no part of it stays [RFC 9530 3]', async ({ net }) => {
    const { run, names } = await setUp(net, noting(() => 'whole', { content: () => other }).script);
    const { code, err } = await run('--digest', digest);
    expect(code).toBe(5);
    expect(err).toContain(`the content does not have the digest ${digest}`);
    expect(names()).toEqual([]);
  });

  test('the part of an earlier run is verified, too [Sluiceway]', async ({ net }) => {
    const { script, asked } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, saved, folder } = await setUp(net, script);
    expect((await run('--retry-for', '0', '--digest', digest)).code).toBe(3);
    const part = readFileSync(join(folder, 'a.bin.part'));
    part[10] = (part[10] ?? 0) ^ 1;
    writeFileSync(join(folder, 'a.bin.part'), part);
    const { code, err } = await run('--digest', digest);
    expect(code).toBe(0);
    expect(err).toContain('the content does not have the digest sha256:');
    expect(asked.length).toBe(3);
    expect(saved().equals(file)).toBe(true);
  });

  test('with --no-restart, a damaged part is an error, and is removed [Sluiceway]', async ({ net }) => {
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, names, folder } = await setUp(net, script);
    expect((await run('--retry-for', '0', '--digest', digest)).code).toBe(3);
    const part = readFileSync(join(folder, 'a.bin.part'));
    part[10] = (part[10] ?? 0) ^ 1;
    writeFileSync(join(folder, 'a.bin.part'), part);
    expect((await run('--digest', digest, '--no-restart')).code).toBe(5);
    expect(names()).toEqual([]);
  });

  test('the Repr-Digest of the server covers the parts of several runs [RFC 9530 3]', async ({ net }) => {
    const fields = [...ETAG, `Repr-Digest: ${memberOf(file)}`];
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'), { fields });
    const { run, saved } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    const { code, err } = await run();
    expect([code, err.includes(', digest verified')]).toEqual([0, true]);
    expect(saved().equals(file)).toBe(true);
  });

  test('--digest-sidecar verifies against the checksum file of the server [Sluiceway]', async ({ net }) => {
    const list = `${hexOf(file).slice('sha256:'.length)}  a.bin\n`;
    const { run } = await setUp(
      net,
      respondWith(({ target }) => sized(target.includes('SHA256SUMS') ? list : file)),
    );
    const { code, err } = await run('--digest-sidecar', 'SHA256SUMS');
    expect([code, err.includes(', digest verified')]).toEqual([0, true]);
  });

  test('a checksum file that is missing is an error with the code of digests [Sluiceway]', async ({
    net,
  }) => {
    const { run, names } = await setUp(
      net,
      respondWith(({ target }) =>
        target.includes('SHA256SUMS') ? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' : sized(file),
      ),
    );
    expect((await run('--digest-sidecar', 'SHA256SUMS')).code).toBe(5);
    expect(names()).toEqual([]);
  });

  test('with -o -, content of another digest does not end as complete [Sluiceway]', async ({ net }) => {
    const { run } = await setUp(
      net,
      respondWith(() => sized('wrong')),
    );
    const { code, out } = await run('--digest', digest, '-o', '-');
    expect([code, out === 'wrong']).toEqual([5, false]);
  });
});

describe('names', () => {
  const named = (name: string): OriginScript =>
    respondWith(() => sized('x', [`Content-Disposition: attachment; filename="${name}"`]));

  test.for([
    ['report.pdf', 'report.pdf'],
    ['../../etc/cron.d/x', 'x'],
    ['..\\..\\x.exe', 'x.exe'],
    ['.bashrc', 'bashrc'],
  ])('into a folder, the name %s of the server becomes %s [RFC 6266 4.3]', async ([given, safe], { net }) => {
    const { run, folder } = await setUp(net, named(given ?? ''));
    mkdirSync(join(folder, 'below'));
    expect((await run('-o', join(folder, 'below'))).code).toBe(0);
    expect(readdirSync(join(folder, 'below'))).toEqual([safe]);
  });

  test('without a name of the server, the file is named by the URL [wget]', async ({ net }) => {
    const { folder, run } = await setUp(
      net,
      respondWith(() => sized('x')),
      'a%20b%2Fc.bin',
    );
    mkdirSync(join(folder, 'below'));
    expect((await run('-o', `${join(folder, 'below')}/`)).code).toBe(0);
    expect(readdirSync(join(folder, 'below'))).toEqual(['c.bin']);
  });

  test('an existing file is not overwritten, and the server is not asked [wget]', async ({ net }) => {
    const { requests, script } = keeping(() => sized('new'));
    const { run, output, saved } = await setUp(net, script);
    writeFileSync(output, 'old');
    const { code, err } = await run();
    expect([code, err]).toEqual([8, `sluiceway: ${output} already exists; --force overwrites it\n`]);
    expect([saved().toString(), requests.length]).toEqual(['old', 0]);
    expect((await run('--force')).code).toBe(0);
    expect(saved().toString()).toBe('new');
  });

  test('a file that the server names is not overwritten, and no part stays [Sluiceway]', async ({ net }) => {
    const { run, folder } = await setUp(net, named('taken'));
    const below = join(folder, 'below');
    mkdirSync(below);
    writeFileSync(join(below, 'taken'), 'old');
    expect((await run('-o', below)).code).toBe(8);
    expect(readdirSync(below)).toEqual(['taken']);
    expect(readFileSync(join(below, 'taken'), 'utf8')).toBe('old');
  });

  test('a file that appears during the download is not overwritten, and the download is kept [Sluiceway]', async ({
    net,
  }) => {
    const setup = await setUp(net, async (connection) => {
      await connection.readHead();
      const response = sized('new'.repeat(3000));
      await connection.write(response.subarray(0, -1));
      const hasBegun = () => (statSync(`${setup.output}.part`, { throwIfNoEntry: false })?.size ?? 0) > 0;
      await until(hasBegun, 'the download had begun');
      writeFileSync(setup.output, 'old');
      await connection.write(response.subarray(-1));
    });
    const { code, err } = await setup.run();
    expect([code, err]).toEqual([
      8,
      `sluiceway: ${setup.output} already exists; --force overwrites it. The download is complete in ${setup.output}.part\n`,
    ]);
    expect(setup.saved().toString()).toBe('old');
    expect(readFileSync(`${setup.output}.part`, 'utf8')).toBe('new'.repeat(3000));
  });

  test('what is not a regular file is never replaced, even with --force [CWE-59]', async ({ net }) => {
    const { requests, script } = keeping(() => sized('x'));
    const { run, output, folder } = await setUp(net, script);
    symlinkSync(join(folder, 'elsewhere'), output);
    const { code, err } = await run('--force');
    expect([code, requests.length]).toEqual([8, 0]);
    expect(err).toContain('is not a regular file, and is not replaced; -o - writes to standard output');
    expect(lstatSync(output).isSymbolicLink()).toBe(true);
  });

  test('a name as long as the file system allows has a part with a shorter one [Sluiceway]', async ({
    net,
  }) => {
    const name = 'n'.repeat(255);
    const { run, saved, names } = await setUp(
      net,
      respondWith(() => sized('x')),
      name,
    );
    expect((await run()).code).toBe(0);
    expect([saved().toString(), names()]).toEqual(['x', [name]]);
  });

  test('a part of another program is not touched [Sluiceway]', async ({ net }) => {
    const { run, output, names } = await setUp(
      net,
      respondWith(() => sized('x')),
    );
    writeFileSync(`${output}.part`, 'of a browser');
    expect((await run()).code).toBe(8);
    expect(names()).toEqual(['a.bin.part']);
    expect(readFileSync(`${output}.part`, 'utf8')).toBe('of a browser');
  });

  test('a part that is a symbolic link is not followed [CWE-59]', async ({ net }) => {
    const { run, output, folder } = await setUp(
      net,
      respondWith(() => sized('x')),
    );
    writeFileSync(join(folder, 'victim'), 'old');
    symlinkSync(join(folder, 'victim'), `${output}.part`);
    expect((await run('--force')).code).toBe(7);
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('old');
  });

  test('a part of another URL is not discarded [Sluiceway]', async ({ net }) => {
    const { script } = noting(({ index }) => (index === 0 ? cut(100_000) : 'whole'));
    const { run, output, origin } = await setUp(net, script);
    expect((await run('--retry-for', '0')).code).toBe(3);
    const second = sluiceway(net, 'get', `${origin.url}/other`, '-o', output);
    expect(await second.exited).toBe(8);
    expect(second.stderr).toContain(`a.bin.part is a part of ${origin.url}/files/a.bin;`);
  });
});

describe('servers', () => {
  test('a mirror takes over, and does not get the fields for the first server [Sluiceway]', async ({
    net,
  }) => {
    const second = keeping(() => sized('of the mirror'));
    const mirror = await net.origin(second.script);
    const { requests, script } = keeping(() => 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
    const { run, saved } = await setUp(net, script);
    const { code } = await run('--mirror', `${mirror.url}/m`, '--header', 'X-Key: s3cret');
    expect(code).toBe(0);
    expect(saved().toString()).toBe('of the mirror');
    expect(requests[0]?.get('x-key')).toBe('s3cret');
    expect([second.requests.length, second.requests[0]?.get('x-key')]).toEqual([1, undefined]);
  });

  test('a redirect is followed, and another origin does not get the fields of --header-file [RFC 9110 15.4]', async ({
    net,
  }) => {
    const second = keeping(() => sized('of the target'));
    const target = await net.origin(second.script);
    const { requests, script } = keeping(
      () => `HTTP/1.1 302 Found\r\nLocation: ${target.url}/t\r\nContent-Length: 0\r\n\r\n`,
    );
    const { run, saved, folder } = await setUp(net, script);
    writeFileSync(join(folder, 'fields'), 'Authorization: Bearer s3cret\nX-Other: 1\n');
    expect((await run('--header-file', join(folder, 'fields'))).code).toBe(0);
    expect(saved().toString()).toBe('of the target');
    expect(requests[0]?.get('authorization')).toBe('Bearer s3cret');
    expect([second.requests[0]?.get('authorization'), second.requests[0]?.get('x-other')]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('a status that is not a file has a code of its own, and no part stays [Sluiceway]', async ({
    net,
  }) => {
    const { run, names } = await setUp(
      net,
      respondWith(() => 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry'),
    );
    const { code, err } = await run();
    expect([code, err]).toEqual([4, 'sluiceway: the server answered with 404\n']);
    expect(names()).toEqual([]);
  });

  test('with --retry-for, a server that is busy is asked again [RFC 9110 10.2.3]', async ({ net }) => {
    let requests = 0;
    const { run, saved } = await setUp(
      net,
      respondWith(() => {
        requests += 1;
        return requests < 3
          ? 'HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n'
          : sized('at last');
      }),
    );
    expect((await run()).code).toBe(4);
    expect((await run('--retry-for', '20s')).code).toBe(0);
    expect(saved().toString()).toBe('at last');
  });

  test('a server that cannot be reached has a code of its own [Sluiceway]', async ({ net }) => {
    const { origin, run } = await setUp(
      net,
      respondWith(() => sized('x')),
    );
    await origin.stop();
    const { code, err } = await run();
    expect(code).toBe(3);
    expect(err).toMatch(/^sluiceway: .+\n$/);
  });

  test('control characters of the server do not reach the terminal [CWE-150]', async ({ net }) => {
    const { run, folder } = await setUp(
      net,
      respondWith(() => sized('x', ["Content-Disposition: attachment; filename*=UTF-8''a%1B%5B2Jb"])),
    );
    mkdirSync(join(folder, 'below'));
    const { err } = await run('-o', join(folder, 'below'));
    expect(err).not.toContain('\x1b');
  });
});

describe('disk', () => {
  test('a folder that does not exist is a clear error [Sluiceway]', async ({ net }) => {
    const { requests, script } = keeping(() => sized('x'));
    const { run, folder } = await setUp(net, script);
    const { code, err } = await run('-o', join(folder, 'none', 'a'));
    const part = join(folder, 'none', 'a.part');
    expect([code, err]).toEqual([7, `sluiceway: cannot write ${part}: there is no such directory\n`]);
    expect(requests.length).toBe(0);
  });

  test('a path below a file is a clear error [Sluiceway]', async ({ net }) => {
    const { run, folder } = await setUp(
      net,
      respondWith(() => sized('x')),
    );
    writeFileSync(join(folder, 'f'), '');
    const { code, err } = await run('-o', join(folder, 'f', 'a'));
    expect(code).toBe(7);
    expect(err).toContain('a part of its path is not a directory');
  });
});

test.for([
  [['ftp://host/a'], '<url>: must be a URL that starts with http:// or https://'],
  [['http://u:p@host/a'], '<url>: must not contain a user name or password; use --header-file'],
  [['http://host/a', '--mirror', 'x'], '--mirror: must be a URL'],
  [['http://host/a', '--digest', 'md5:00'], "--digest: must be 'sha256:' and 64 hexadecimal digits"],
  [['http://host/a', '--digest-sidecar', '//x'], '--digest-sidecar: must be a path such as'],
  [['http://host/a', '--limit-rate', 'fast'], '--limit-rate: '],
  [['http://host/a', '--limit-rate', '0'], '--limit-rate: must be at least 1 byte per second'],
  [['http://host/a', '--retry-for', 'long'], '--retry-for: '],
  [['http://host/a', '--header', 'x'], "--header: must be a field such as 'Name: value'"],
  [['http://host/a', '--header', 'Range: bytes=0-1'], '--header: Range is set by sluiceway get itself'],
  [['http://host/a', '--header-file', '/none'], '--header-file: '],
  [['http://host/a', '--ca', '/none'], '--ca: '],
  [['http://host/a', '--egress-proxy', 'x'], '--egress-proxy: '],
] as const)('the mistake in %j is named, with the exit code 2', async ([args, message], { net }) => {
  const program = sluiceway(net, 'get', ...args);
  expect(await program.exited).toBe(2);
  expect(program.stderr).toContain(`sluiceway: ${message}`);
  expect(existsSync('a.part')).toBe(false);
});
