import { describe, expect, test } from 'vitest';
import { parseListenAddress } from '../../src/listeners/address.js';

describe('parseListenAddress', () => {
  test.for([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [':65535', { host: '', port: 65_535 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
    ['unix:/run/a.sock', { path: '/run/a.sock' }],
    ['unix:a.sock', { path: '/etc/sluiceway/a.sock' }],
    ['systemd', { systemd: null }],
    ['systemd:web', { systemd: 'web' }],
    ['systemd:8080', { host: 'systemd', port: 8080 }],
    ['fd://3', { descriptor: 3 }],
  ] as const)('reads %s', ([text, address]) => {
    expect(parseListenAddress(text, '/etc/sluiceway')).toEqual(address);
  });

  test.for([
    '',
    '8080',
    'host',
    'host:',
    ':65536',
    ':-1',
    '::1:80',
    '[::1]',
    '[x]:80',
    'http://a:80',
    'a b:80',
    'u@a:80',
    'unix:',
    'systemd:',
    'fd://2',
  ])('refuses %j', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      new RangeError(
        `must be host:port, [address]:port, :port, unix:path, systemd, systemd:name or fd://number, not ${JSON.stringify(text)}`,
      ),
    );
  });

  test('refuses a path that the kernel would cut off', () => {
    expect(() => parseListenAddress(`unix:/${'a'.repeat(108)}`)).toThrow(/at most 10\d bytes/);
  });
});
