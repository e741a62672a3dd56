import { Command } from 'commander';
import { findSpec, gatewayOptions, proxyOptions } from 'sluiceway/options';
import { expect, test } from 'vitest';
import {
  addOptionFlags,
  downloadFlags,
  flagsByOption,
  givenUnder,
  inFlagWords,
  transferFlags,
  tunnelAndUploadFlags,
} from '../src/cli/option-flags.js';

test('a flag takes its argument and its default from the option that it stands for', () => {
  const command = addOptionFlags(new Command(), proxyOptions, {
    'timeouts.connect': ['--a', 'to connect'],
    'timeouts.total': ['--b', 'in all'],
    'limits.responseHead': ['--c', 'of a head'],
    'upstream.connections.maxQueued': ['--d', 'waiting'],
    'headers.forwarded.port': ['--e', 'the port'],
  });
  expect(command.options.map(({ flags, description }) => [flags, description])).toEqual([
    ['--a <duration>', 'to connect (default 10s)'],
    ['--b <duration>', 'in all (default off)'],
    ['--c <size>', 'of a head (default 64KiB)'],
    ['--d <n>', 'waiting (default 1000)'],
    ['--e', 'the port (default false)'],
  ]);
});

test('a flag cannot stand for an option that does not exist', () => {
  const add = () => addOptionFlags(new Command(), proxyOptions, { 'timeouts.conect': ['--a', 'to connect'] });
  expect(add).toThrow('--a sets timeouts.conect, which is not an option');
});

test('every flag of the tables stands for an option, and is found by it', () => {
  for (const path of Object.keys({ ...transferFlags, ...tunnelAndUploadFlags }))
    expect(findSpec(proxyOptions, path), path).toBeDefined();
  for (const path of Object.keys({ ...transferFlags, ...downloadFlags }))
    expect(findSpec(gatewayOptions, path), path).toBeDefined();
  expect(flagsByOption(downloadFlags)).toMatchObject({ 'limits.fileBytes': '--max-file' });
});

test('the word off stands for false, and messages use it', () => {
  const values = { totalTimeout: 'off', minRate: 'off', connectTimeout: '0' };
  expect(givenUnder('timeouts', transferFlags, values)).toEqual({ total: false, connect: '0' });
  expect(givenUnder('limits', transferFlags, values)).toEqual({ minRate: false });
  expect(inFlagWords('must be at least 1ms, or false to turn it off')).toBe(
    'must be at least 1ms, or off to turn it off',
  );
});

test('what is given of a group of options has their names', () => {
  const values = { connectTimeout: '1s', totalTimeout: undefined, minRate: '1KiB', tunnelDrain: '2s' };
  expect(givenUnder('timeouts', transferFlags, values)).toEqual({ connect: '1s' });
  expect(givenUnder('limits', transferFlags, values)).toEqual({ minRate: '1KiB' });
  expect(givenUnder('timeouts', tunnelAndUploadFlags, values)).toEqual({ tunnelDrain: '2s' });
});
