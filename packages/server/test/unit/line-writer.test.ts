import { closeSync, constants, openSync, readFileSync, readSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { requireTool, testWith } from '../../../sluiceway/test/support/requirements.js';
import { runTool, scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { until } from '../../../sluiceway/test/support/until.js';
import { LineWriter } from '../../src/log/line-writer.js';
import { openOutput } from '../../src/log/output.js';

const mkfifo = requireTool('mkfifo');

const dropped = (lines: number): string => `dropped ${lines}`;

function toFile(path: string): LineWriter {
  return new LineWriter(openOutput(path), { formatDropped: dropped, onChange: () => {} });
}

test('lines are written in their order, and flush waits for them [Sluiceway]', async ({ net }) => {
  const path = join(scratchFolder(net), 'log');
  const writer = toFile(path);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} ${'x'.repeat(i % 100)}`);
  for (const line of lines) writer.write(line);
  await writer.flush(10_000);
  expect(readFileSync(path, 'utf8')).toBe(`${lines.join('\n')}\n`);
  writer.discard();
});

test('two writers append whole lines to one file [POSIX]', async ({ net }) => {
  const path = join(scratchFolder(net), 'log');
  const writers = ['a', 'b'].map((name) => ({ name, writer: toFile(path) }));
  const text = (name: string, i: number): string => `${name} ${i} ${name.repeat(i % 500)}`;
  for (let i = 0; i < 2000; i++) for (const { name, writer } of writers) writer.write(text(name, i));
  await Promise.all(writers.map(({ writer }) => writer.flush(10_000)));
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  for (const { name, writer } of writers) {
    expect(lines.filter((line) => line.startsWith(name))).toEqual(
      Array.from({ length: 2000 }, (_, i) => text(name, i)),
    );
    writer.discard();
  }
});

test('a file that is renamed and opened again loses and tears no line [nginx; logrotate]', async ({
  net,
}) => {
  const folder = scratchFolder(net);
  const path = join(folder, 'log');
  const writer = toFile(path);
  const names: string[] = [];
  const wanted: string[] = [];
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 300; i++) {
      wanted.push(`round ${round} line ${i} ${'x'.repeat(200)}`);
      writer.write(wanted.at(-1) as string);
    }
    if (round % 2 === 0) await writer.flush(10_000);
    names.push(join(folder, `log.${round}`));
    renameSync(path, names.at(-1) as string);
    writer.replace(openOutput(path));
  }
  await writer.flush(10_000);
  const files = [...names, path].map((name) => readFileSync(name, 'utf8'));
  for (const text of files) expect(text === '' || text.endsWith('\n')).toBe(true);
  expect(files.join('').trimEnd().split('\n')).toEqual(wanted);
  writer.discard();
});

test('lines beyond ASCII, and longer than any buffer, are written as they are [Sluiceway]', async ({
  net,
}) => {
  const path = join(scratchFolder(net), 'log');
  const writer = toFile(path);
  const lines = Array.from({ length: 200 }, (_, i) => 'aé€😀'.repeat(i % 50 === 0 ? 40_000 : i));
  for (const line of lines) writer.write(line);
  await writer.flush(10_000);
  writer.write('the end');
  await writer.flush(10_000);
  expect(readFileSync(path, 'utf8')).toBe(`${lines.join('\n')}\nthe end\n`);
  writer.discard();
});

testWith(mkfifo)('two writers to one pipe write whole lines, in their order [POSIX]', async ({ net }) => {
  const path = join(scratchFolder(net), 'pipe');
  await runTool(net, mkfifo, [path], { in: dirname(path) });
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writers = ['a', 'b'].map((name) => ({ name, writer: toFile(path) }));
  const text = (name: string, i: number): string => `${name} ${i} ${name.repeat(i % 500)}`;
  for (let i = 0; i < 2000; i++) for (const { name, writer } of writers) writer.write(text(name, i));
  let read = '';
  await until(() => {
    const bytes = Buffer.alloc(65_536);
    try {
      read += bytes.toString('latin1', 0, readSync(reader, bytes));
    } catch {
      // Nothing is in the pipe.
    }
    return read.split('\n').length > 4000;
  }, 'all lines had been read');
  const lines = read.trimEnd().split('\n');
  for (const { name, writer } of writers) {
    expect(lines.filter((line) => line.startsWith(name))).toEqual(
      Array.from({ length: 2000 }, (_, i) => text(name, i)),
    );
    writer.discard();
  }
  closeSync(reader);
});

testWith(mkfifo)(
  'what a full pipe does not take at the end of the process is not written twice [Sluiceway]',
  async ({ net }) => {
    const path = join(scratchFolder(net), 'pipe');
    await runTool(net, mkfifo, [path], { in: dirname(path) });
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = toFile(path);
    const lines = Array.from({ length: 2000 }, (_, i) => `line ${i} ${'x'.repeat(90)}`);
    for (const line of lines) writer.write(line);
    // The pipe is full after some of them.
    await writer.flush(1);
    const bytes = Buffer.alloc(1 << 20);
    let read = bytes.toString('latin1', 0, readSync(reader, bytes));
    writer.flushSync();
    read += bytes.toString('latin1', 0, readSync(reader, bytes));
    expect(lines.join('\n').startsWith(read.trimEnd())).toBe(true);
    expect(read.length).toBeGreaterThan(100_000);
    writer.discard();
    closeSync(reader);
  },
);

testWith(mkfifo)(
  'if the reader of a pipe is slow, lines beyond the limit are dropped, and a line says how many [Sluiceway]',
  async ({ net }) => {
    const path = join(scratchFolder(net), 'pipe');
    await runTool(net, mkfifo, [path], { in: dirname(path) });
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = toFile(path);
    writer.maxPending = 100_000;
    for (let i = 0; i < 5000; i++) writer.write(`line ${i} ${'x'.repeat(90)}`);
    expect(writer.dropped).toBeGreaterThan(3000);
    let text = '';
    const read = (): void => {
      const bytes = Buffer.alloc(65_536);
      try {
        text += bytes.toString('utf8', 0, readSync(reader, bytes));
      } catch {
        // Nothing has been written yet.
      }
    };
    await until(() => {
      read();
      return text.includes('line 900 ');
    }, 'the first lines had been read');
    writer.write('the last line');
    await until(() => {
      read();
      return text.includes('the last line\n');
    }, 'the last line had been read');
    const lines = text.trimEnd().split('\n');
    const said = lines.filter((line) => line.startsWith('dropped '));
    const left = lines.filter((line) => line.startsWith('line '));
    expect(said).toEqual([`dropped ${5000 - left.length}`]);
    expect(left).toEqual(left.map((_, i) => `line ${i} ${'x'.repeat(90)}`));
    writer.discard();
  },
);
