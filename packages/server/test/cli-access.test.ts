import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { basicOf, bcryptOfPw } from '../../sluiceway/test/support/access.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluiceway, sluicewayProxy } from './support/program.js';

const TOKEN = 'aaaaaaaaaaaaaaaa';

function writeFile(net: Network, content: string, mode = 0o600): string {
  const file = join(scratchFolder(net), 'credentials');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

async function statusOf(net: Network, port: number, authorization: string | null): Promise<number> {
  const client = await net.client(port);
  await client.get('/', authorization === null ? [] : [`Authorization: ${authorization}`]);
  const { head } = await client.readResponse();
  client.close();
  return head.status;
}

const bearer = `Bearer ${TOKEN}`;
const basic = basicOf('anna', 'pw');

test.for([
  ['--access-token-file', [401, 200, 401]],
  ['--basic-file', [401, 401, 200]],
  ['--access-token-file and --basic-file', [401, 200, 200]],
] as const)(
  'with %s only those get in whom the files name, and the log has their names [nginx]',
  async ([flag, statuses], { net }) => {
    const origin = await net.origin(respondWith(sized('')));
    const flags = {
      '--access-token-file': ['--access-token-file', writeFile(net, `# tokens\nci:${TOKEN}\n`)],
      '--basic-file': ['--basic-file', writeFile(net, `anna:${bcryptOfPw}\n`)],
    };
    const given = flag === '--access-token-file and --basic-file' ? Object.values(flags).flat() : flags[flag];
    const program = await sluicewayProxy(net, origin.url, '--log', 'json', ...given);
    const seen: number[] = [];
    for (const authorization of [null, bearer, basic])
      seen.push(await statusOf(net, program.port, authorization));
    expect(seen).toEqual(statuses);
    const names = [null, 'ci', 'anna'].map((name, i) => (statuses[i] === 200 ? name : null));
    expect((await program.records(3)).map(({ identity }) => identity)).toEqual(names);
    expect(program.stdout + program.stderr).not.toMatch(new RegExp(`${TOKEN}|\\$2y\\$`));
  },
);

test.for(['--access-token-file', '--basic-file'])(
  '%s warns of a file that every user of the machine can read, and of no other',
  async (flag, { net }) => {
    const content = flag === '--basic-file' ? `anna:${bcryptOfPw}` : TOKEN;
    for (const [mode, warned] of [
      [0o644, true],
      [0o640, false],
    ] as const) {
      const program = await sluicewayProxy(net, 'http://127.0.0.1:9', flag, writeFile(net, content, mode));
      await program.match('stdout', /listening/);
      expect([mode, program.stderr.includes('SluicewaySecretFileWarning')]).toEqual([mode, warned]);
    }
  },
);

test.for([
  [
    '--access-token-file',
    'short\nsecret secret secret\n',
    /has a token in line 1 of .* that must have 16 .*; .*line 2/,
  ],
  ['--access-token-file', '', /is empty/],
  ['--basic-file', 'anna:secret\n', /has an entry in line 1 of .* that must be a bcrypt hash/],
] as const)(
  '%s with a mistake in it ends the program with 2, and tells no secret',
  async ([flag, content, message], { net }) => {
    const program = sluiceway(net, 'proxy', 'http://127.0.0.1:9', flag, writeFile(net, content));
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(message);
    expect(program.stderr).toMatch(new RegExp(`^sluiceway: ${flag}: `));
    expect(program.stderr).not.toMatch(/secret/);
  },
);

test.for(['--access-token-file', '--basic-file'])(
  '%s that is not there ends the program with 2',
  async (flag, { net }) => {
    const program = sluiceway(net, 'proxy', 'http://127.0.0.1:9', flag, '/nowhere/file');
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(
      new RegExp(`^sluiceway: ${flag}: names a file that cannot be read: ENOENT`),
    );
  },
);
