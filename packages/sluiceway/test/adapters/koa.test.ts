import { createServer } from 'node:http';
import Koa from 'koa';
import mount from 'koa-mount';
import Koa2 from 'koa2';
import { expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { toKoa } from '../../src/koa.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { listen } from './adapter-under-test.js';
import { underKoa } from './koa.js';
import { testAdapter } from './suite.js';

testAdapter(underKoa('Koa 3, with koa-mount', Koa, (app, path, make) => app.use(mount(path, make()))));
testAdapter(underKoa('Koa 2', Koa2, (app, path, make) => app.use(make({ path }))));

test.for([
  ['/files/', '/'],
  ['/files/a/b?c', '/a/b?c'],
  ['/files/http://other.test/a', '/http://other.test/a'],
] as const)(
  'at a path of koa-mount that ends with a slash, %s asks for %s [Koa]',
  async ([path, asked], { net }) => {
    const origin = await net.origin(
      respondWith((head) => sized(`${head.target} ${head.get('x-forwarded-host')}`)),
    );
    const proxy = createProxy({ upstream: origin.url });
    const handle = new Koa().use(mount('/files/', toKoa(proxy))).callback();
    const app = await listen(createServer((request, response) => void handle(request, response)));
    net.cleanup(async () => {
      await app.close();
      await proxy.close();
    });
    const client = await net.client(app.port);
    await client.get(path);
    expect((await client.readResponse()).content.toString()).toBe(`${asked} test`);
  },
);
