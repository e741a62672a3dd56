import { createServer } from 'node:http';
import express, { type Express } from 'express';
import { type CompatOptions, createProxyMiddleware, type ProxyMiddleware } from '../../src/compat.js';
import type { Network } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import { listen, type RunningApp } from './adapter-under-test.js';

interface Line {
  client: RawClient;
  origin: RawOrigin;
  app: RunningApp;
}

export type Options = Omit<CompatOptions<express.Request, express.Response>, 'target'>;
export type Mount = (app: Express, proxy: ProxyMiddleware<express.Request, express.Response>) => void;

/** An application of Express with the middleware in it, before an origin server with `path` in its URL. */
export async function behind(
  net: Network,
  script: OriginScript,
  options: Options | ((origin: RawOrigin) => Options),
  mount: Mount = (app, proxy) => app.use(proxy),
  path = '',
): Promise<Line> {
  const origin = await net.origin(script);
  const given = typeof options === 'function' ? options(origin) : options;
  const proxy = createProxyMiddleware<express.Request, express.Response>({
    target: `${origin.url}${path}`,
    ...given,
  });
  const application = express().set('env', 'test').disable('x-powered-by');
  mount(application, proxy);
  const app = await listen(createServer(application));
  net.cleanup(async () => {
    await app.close();
    await proxy.close();
  });
  return { client: await net.client(app.port), origin, app };
}

/** The content of a response with the status 200, or the status. */
export async function ask(client: RawClient, target: string, lines: readonly string[] = []): Promise<string> {
  await client.get(target, lines);
  const { head, content } = await client.readResponse();
  return head.status === 200 ? content.toString() : String(head.status);
}
