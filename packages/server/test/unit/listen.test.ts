import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../../../sluiceway/test/support/certificates.js';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { createListener, listen, parseListenAddress } from '../../src/server/listen.js';

describe('parseListenAddress', () => {
  test.for([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    [':65535', { host: '', port: 65_535 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
  ] as const)('reads %s', ([text, address]) => {
    expect(parseListenAddress(text)).toEqual(address);
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
  ])('refuses %j', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      new RangeError(`must be host:port, [address]:port or :port, not ${JSON.stringify(text)}`),
    );
  });
});

describe('listen', () => {
  const started = async (host: string, secure = false) => {
    const server = createListener(secure ? await loopbackCertificate() : null);
    const url = await listen(server, { host, port: 0 }, () => {});
    const { port } = server.address() as { port: number };
    return { server, url, port };
  };

  test.for([
    ['127.0.0.1', false, 'http://127.0.0.1:'],
    ['localhost', true, 'https://localhost:'],
  ] as const)('on %s (TLS: %s) gives a URL with the real port', async ([host, secure, start], { net }) => {
    const { server, url, port } = await started(host, secure);
    net.cleanup(() => server.close());
    expect(url).toBe(`${start}${port}`);
  });

  test('on all addresses names the one that stands for all', async ({ net }) => {
    const { server, url, port } = await started('');
    net.cleanup(() => server.close());
    // 0.0.0.0 where the machine has no IPv6.
    expect([`http://[::]:${port}`, `http://0.0.0.0:${port}`]).toContain(url);
  });

  test('that fails to accept a connection, for want of a file descriptor say, goes on and does not end the process [nginx; Node]', async ({
    net,
  }) => {
    const failures: Error[] = [];
    const server = createListener(null);
    await listen(server, { host: '127.0.0.1', port: 0 }, (error) => void failures.push(error));
    net.cleanup(() => server.close());
    const failure = new Error('accept EMFILE');
    server.emit('error', failure);
    expect(failures).toEqual([failure]);
  });
});
