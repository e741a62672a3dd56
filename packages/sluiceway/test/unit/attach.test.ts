import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { attach, createProxy, OptionsError } from '../../src/index.js';

const proxy = createProxy({ upstream: 'http://127.0.0.1:9' });

test('attach names the mistake where server and proxy change places, and touches neither', () => {
  const server = createServer();
  expect(() => attach(proxy as never, server as never)).toThrow(OptionsError);
  expect(() => attach(proxy as never, server as never)).toThrow(
    /server must be a server of node:http.*\n.*proxy must be a proxy/s,
  );
  expect(Object.keys(proxy)).toEqual([]);
  expect(server.requestTimeout).toBe(300_000);
});

test('attach refuses what is missing', () => {
  expect(() => attach(undefined as never, proxy)).toThrow('server must be a server');
  expect(() => attach(createServer(), undefined as never)).toThrow('proxy must be a proxy');
});
