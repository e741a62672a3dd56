import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { rangedOrigin } from '../../sluiceway/test/support/ranged-origin.js';
import { requireTool, testWith } from '../../sluiceway/test/support/requirements.js';
import { runTool, scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluiceway } from './support/process.js';
import { PtyProgram } from './support/pty.js';

const python = requireTool('python3');
const bash = requireTool('bash');

const file = seededBytes('get-process', 0, 2_000_000);

/** An origin server whose first response stalls in the middle of the file. */
async function stallingOnce(net: Network) {
  const ranges: (string | undefined)[] = [];
  let isFirst = true;
  const origin = await net.origin(
    rangedOrigin(file, ({ head }) => {
      ranges.push(head.get('range'));
      const answer = isFirst ? ({ bytes: 1_000_000, ending: 'stall' } as const) : 'whole';
      isFirst = false;
      return answer;
    }),
  );
  const output = join(scratchFolder(net), 'a.bin');
  return { url: `${origin.url}/a.bin`, output, ranges };
}

const partHas = (output: string, bytes: number): Promise<void> =>
  until(
    () => existsSync(`${output}.part`) && readFileSync(`${output}.part`).length >= bytes,
    `the part had ${bytes} bytes`,
  );

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)(
  '%s ends a download with %i, and the next run continues it [POSIX 2.8.2]',
  async ([signal, code], { net }) => {
    const { url, output, ranges } = await stallingOnce(net);
    const first = sluiceway(net, 'get', url, '-o', output);
    await partHas(output, 900_000);
    first.signal(signal);
    expect(await first.exited).toBe(code);
    expect(first.stderr).toContain('sluiceway: interrupted; the same command continues the download\n');
    const second = sluiceway(net, 'get', url, '-o', output);
    expect(await second.exited).toBe(0);
    expect(ranges[1]).toMatch(/^bytes=9\d{5}-$/);
    expect(readFileSync(output).equals(file)).toBe(true);
  },
);

test('a run that was killed is continued by the next one [Sluiceway]', async ({ net }) => {
  const { url, output } = await stallingOnce(net);
  const first = sluiceway(net, 'get', url, '-o', output);
  await partHas(output, 900_000);
  first.signal('SIGKILL');
  await first.exited;
  const second = sluiceway(net, 'get', url, '-o', output);
  expect(await second.exited).toBe(0);
  expect(readFileSync(output).equals(file)).toBe(true);
  expect(existsSync(`${output}.part`)).toBe(false);
});

test('a second run does not write to the part of one that runs [Sluiceway]', async ({ net }) => {
  const { url, output } = await stallingOnce(net);
  sluiceway(net, 'get', url, '-o', output);
  await partHas(output, 900_000);
  const second = sluiceway(net, 'get', url, '-o', output);
  expect(await second.exited).toBe(8);
  expect(second.stderr).toContain('is being written by another sluiceway get');
});

testWith(bash)('a full device ends the download with the code of disks [Sluiceway]', async ({ net }) => {
  const { url, output } = await stallingOnce(net);
  const script = new URL('../bin/sluiceway.js', import.meta.url).pathname;
  const command = `"${process.execPath}" "${script}" get "${url}" -o - >/dev/full`;
  const { code, stderr } = await runTool(net, bash, ['-c', command], { in: join(output, '..') });
  expect([code, stderr]).toEqual([
    7,
    'sluiceway: cannot write standard output: no space is left on the device\n',
  ]);
});

testWith(bash)(
  'a file that cannot grow ends the download, and is continued when it can [Sluiceway]',
  async ({ net }) => {
    const origin = await net.origin(rangedOrigin(file, () => 'whole'));
    const output = join(scratchFolder(net), 'a.bin');
    const script = new URL('../bin/sluiceway.js', import.meta.url).pathname;
    const command = `ulimit -f 1000; "${process.execPath}" "${script}" get "${origin.url}/a.bin" -o "${output}"`;
    const { code, stderr } = await runTool(net, bash, ['-c', command], { in: join(output, '..') });
    expect([code, stderr.split('\n').at(-2)]).toEqual([
      7,
      `sluiceway: cannot write ${output}.part: the file would be larger than the system allows`,
    ]);
    const second = sluiceway(net, 'get', `${origin.url}/a.bin`, '-o', output);
    expect(await second.exited).toBe(0);
    expect(second.stderr).toContain('continuing ');
    expect(readFileSync(output).equals(file)).toBe(true);
  },
);

testWith(bash)('a reader that closes the pipe ends the download [POSIX 2.8.2]', async ({ net }) => {
  const { url, output } = await stallingOnce(net);
  const script = new URL('../bin/sluiceway.js', import.meta.url).pathname;
  const command = `set -o pipefail; "${process.execPath}" "${script}" get "${url}" -o - | head -c 10 | wc -c`;
  const { code, stdout, stderr } = await runTool(net, bash, ['-c', command], { in: join(output, '..') });
  expect([code, stdout.trim(), stderr]).toEqual([
    7,
    '10',
    'sluiceway: cannot write standard output: the reader has closed the pipe\n',
  ]);
});

testWith(python)(
  'on a terminal, one line shows the progress, and fits after a resize [Sluiceway]',
  async ({ net }) => {
    const { url, output } = await stallingOnce(net);
    const program = new PtyProgram(net, python, ['get', url, '-o', output], { columns: 90 });
    await program.shows(/\ra\.bin {2}▕█+.*▏ {3}[45]\d% {2}.* \/ 1\.91 MiB/);
    const from = program.output.length;
    program.resize(30, 24);
    await program.shows(/\r {0,3}[45]\d% {2}9\d\d KiB \/ 1\.91 MiB(?! {2})/, from);
    program.type('\x03');
    expect(await program.exited).toBe(130);
    expect(program.output).toContain('interrupted; the same command continues the download');
  },
);

testWith(python)('a terminal gets colour, unless NO_COLOR is set [Sluiceway]', async ({ net }) => {
  const origin = await net.origin(rangedOrigin(file, () => 'whole'));
  const output = join(scratchFolder(net), 'a.bin');
  for (const [env, isColored] of [
    [{ NO_COLOR: '1' }, false],
    [{}, true],
  ] as const) {
    const args = ['get', `${origin.url}/a.bin`, '-o', output, '--force'];
    const program = new PtyProgram(net, python, args, { env });
    expect(await program.exited).toBe(0);
    expect(program.output).toContain('saved');
    expect(program.output.includes('\x1b[2m')).toBe(isColored);
  }
});
