import { describe, expect } from 'vitest';
import { createAddressPolicy } from '../../src/net/address-policy.js';
import { WireTransport } from '../../src/upstream/wire/wire-transport.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

describe('streamFrom by default', () => {
  test.for([
    'http://127.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://0x7f.1:PORT/',
    'http://2130706433:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[64:ff9b::7f00:1]:PORT/',
    'http://localhost:PORT/',
    'http://LOCALHOST:PORT/',
    'http://169.254.169.254:PORT/latest/meta-data/',
    'http://10.0.0.1:PORT/',
    'http://192.168.0.1:PORT/',
    'http://100.64.0.1:PORT/',
    'https://127.0.0.1:PORT/',
    'https://localhost:PORT/',
  ])('refuses %s with 403 and connects to nothing [smokescreen]', async (template, { net }) => {
    const origin = await net.origin(respondWith(sized('secret')));
    const { client, records } = await streaming(net, template.replace('PORT', String(origin.port)));
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(403);
    expect(response.head.get('proxy-status')).toContain('destination_ip_prohibited');
    expect(response.content.toString()).not.toMatch(/127|localhost|secret|PORT/);
    await until(() => records.length === 1, 'the transfer had ended');
    expect(records[0]).toMatchObject({ outcome: 'blocked' });
    expect(origin.total).toBe(0);
  });

  test('never connects to localhost with a final dot, whether that resolves or not [smokescreen]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('secret')));
    const { client } = await streaming(net, `http://localhost.:${origin.port}/`);
    await client.get('/');
    expect([403, 502]).toContain((await client.readResponse()).head.status);
    expect(origin.total).toBe(0);
  });

  test('refuses a redirect to such an address, however it is spelled [smokescreen; camo]', async ({
    net,
  }) => {
    const inside = await net.origin(respondWith(sized('secret')));
    const targets = [
      `http://127.0.0.1:${inside.port}/`,
      `http://localhost:${inside.port}/`,
      `//127.1:${inside.port}/`,
      `http://[::ffff:7f00:1]:${inside.port}/`,
    ];
    for (const target of targets) {
      const outside = await net.origin(respondWith(sized('', [`Location: ${target}`], 'HTTP/1.1 302 Found')));
      const policy = createAddressPolicy({ allow: [`127.0.0.1:${outside.port}`], base: 'public' });
      const { client } = await streaming(net, outside.url, { transport: new WireTransport({ policy }) });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status, target).toBe(403);
      expect(response.content.toString()).not.toContain('secret');
      expect(outside.total).toBe(1);
    }
    expect(inside.total).toBe(0);
  });
});

describe('streamFrom with addresses: any', () => {
  test.for(['127.0.0.1', 'localhost', '127.1'])('connects to %s [smokescreen]', async (host, { net }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const { client } = await streaming(net, `http://${host}:${origin.port}/`, { addresses: 'any' });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('content');
  });
});

describe('a URL that is none, or none of the web', () => {
  test.for([
    '',
    'nonsense',
    '/relative',
    '//host/path',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/plain,x',
    'ftp://host/',
    'http://',
    'http:///path',
    'http://user:password@host/',
    'http://host:99999/',
    'http://ho st/',
    'http://host/\r\nX-Smuggled: 1',
    'http://ho\tst/',
    'http://host\\@evil/',
    'http://host/#fragment',
  ])('(%j) is answered 400 [camo]', async (url, { net }) => {
    const { client, records } = await streaming(net, url, { addresses: 'any' });
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(400);
      expect(response.complete).toBe(true);
      expect(response.content.toString()).not.toMatch(/passw|evil|alert/);
    }
    await until(() => records.length === 2, 'the transfers had ended');
    expect(records[0]).toMatchObject({ outcome: 'rejected', attempts: 0 });
  });
});
