import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { writeKeys } from './support/gateway-program.js';
import { type Program, sluiceway } from './support/program.js';

describe('a mistake in the command line ends it with 2 before it listens', () => {
  test.for([
    ['no keys', [], /: --keys: is required, unless --unsigned is given\n/],
    ['a key file that is not there', ['--keys', '/no/file'], /: --keys: .*ENOENT/],
    [
      '--unsigned for anybody and any host without saying so',
      ['--unsigned'],
      /: --unsigned: needs --allow-host .*'\*'.*, --access-token-file or --basic-file/,
    ],
    ['a port that is none', ['--keys', 'k', '--allow-port', 'http'], /: --allow-port: .*"http"/],
    [
      'a number that is none',
      ['--keys', 'k', '--max-transfers-per-client', 'x'],
      /: --max-transfers-per-client: .*"x"/,
    ],
    ['a flag of the proxy', ['--max-upload', '1'], /: unknown option '--max-upload'/],
  ] as const)('%s, named by its flag', async ([_what, flags, message], { net }) => {
    await expectUsageError(net, flags, message);
  });

  test('several at once, each named by its flag', async ({ net }) => {
    const flags = [
      ['--path', 'files'],
      ['--allow-host', 'a b'],
      ['--deny-host', '*a*'],
      ['--allow-address', '10.0.0.0/99'],
      ['--deny-address', 'localhost'],
      ['--allow-port', '65536'],
      ['--max-file', 'much'],
      ['--cors', 'app.example.com'],
    ];
    const { stderr } = await expectUsageError(net, ['--keys', writeKeys(net), ...flags.flat()], /; /);
    for (const [flag] of flags) expect(stderr).toContain(`${flag}: `);
  });
});

async function expectUsageError(net: Network, flags: readonly string[], message: RegExp): Promise<Program> {
  const program = sluiceway(net, 'gateway', ...flags);
  expect(await program.exited).toBe(2);
  expect(program.stderr).toMatch(message);
  expect(program.stderr).toMatch(/^sluiceway: [^\n]+\n$/);
  expect(program.stdout).toBe('');
  return program;
}
