import type { ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import {
  HttpException,
  type INestApplication,
  type LoggerService,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { describe, expect } from 'vitest';
import { createProxy, OptionsError, SluicewayError } from '../../src/index.js';
import { SluicewayModule, type SluicewayModuleOptions, SluicewayService } from '../../src/nest.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { filterFor, moduleOf, type Platform, proxyController, type Way } from './nest.js';

const PLATFORMS: Platform[] = ['express', 'fastify'];
const PLACES: [Platform, Way][] = PLATFORMS.flatMap((platform): [Platform, Way][] => [
  [platform, 'middleware'],
  [platform, 'controller'],
]);

const silent: LoggerService = { log() {}, warn() {}, error() {}, verbose() {}, debug() {} };

interface Running {
  application: INestApplication;
  port: number;
  server: Server;
}

async function run(
  net: Network,
  platform: Platform,
  root: Type,
  logger = silent,
  onError?: (error: unknown) => void,
): Promise<Running> {
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const application = await NestFactory.create(root, adapter, { logger });
  if (onError !== undefined) application.useGlobalFilters(filterFor(adapter, onError));
  let closed = false;
  net.cleanup(async () => {
    if (!closed) await application.close();
  });
  await application.listen(0, '127.0.0.1');
  const server = application.getHttpServer() as Server;
  server.once('close', () => {
    closed = true;
  });
  return { application, server, port: (server.address() as AddressInfo).port };
}

/** An application with the module at `/files`, either way. */
function rootFor(platform: Platform, way: Way, options: SluicewayModuleOptions): Type {
  return moduleOf({
    imports: [SluicewayModule.forRoot({ ...options, ...(way === 'middleware' && { path: '/files' }) })],
    controllers: way === 'controller' ? [proxyController(platform, '/files')] : [],
  });
}

describe.for(PLACES)('Nest on %s (%s)', ([platform, way]) => {
  test('a failure before the response reaches exception filters as an HttpException, which tells nothing internal; the log does [Nest]', async ({
    net,
  }) => {
    const gone = await startServer();
    await gone.stop();
    const upstream = `http://127.0.0.1:${gone.port}`;
    const logged: string[] = [];
    const logger = { ...silent, error: (message: string) => void logged.push(message) };
    const { port } = await run(net, platform, rootFor(platform, way, { upstream }), logger);
    const client = await net.client(port);
    await client.get('/files/a');
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(502);
    expect(head.get('cache-control')).toBe('no-store');
    expect(JSON.parse(content.toString())).toEqual({
      statusCode: 502,
      message: 'The origin server refused the connection.',
    });
    expect(logged.join()).toContain(String(gone.port));

    const caught: unknown[] = [];
    const filtered = rootFor(platform, way, { upstream });
    const { port: other } = await run(net, platform, filtered, silent, (error) => void caught.push(error));
    const second = await net.client(other);
    await second.get('/files/a');
    expect((await second.readResponse()).content.toString()).toBe(
      'handled: The origin server refused the connection.',
    );
    const [error] = caught;
    expect(error).toBeInstanceOf(HttpException);
    expect((error as HttpException).getStatus()).toBe(502);
    expect((error as HttpException).cause).toBeInstanceOf(SluicewayError);
    expect(((error as HttpException).cause as SluicewayError).code).toBe('connection_refused');
  });

  test('the shutdown of the application waits for running downloads [Nest]', async ({ net }) => {
    const gate = new Gate();
    const script: OriginScript = async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPQ');
      await gate.opened;
      await connection.write('RS');
    };
    const origin = await net.origin(script);
    const proxy = createProxy({ upstream: origin.url });
    const { application, server, port } = await run(
      net,
      platform,
      rootFor(platform, way, { handler: proxy }),
    );
    const client = await net.client(port);
    await client.get('/files/a');
    await client.readThrough('PQ');
    let closed = false;
    const closing = application.close().then(() => {
      closed = true;
    });
    const late = await net.client(port);
    await late.get('/files/b');
    expect((await late.readResponse()).head.status).toBe(503);
    expect(closed).toBe(false);
    gate.open();
    expect((await client.readExactly(2)).toString()).toBe('RS');
    client.close();
    await closing;
    expect(server.listening).toBe(false);
  });
});

describe.for(PLATFORMS)('Nest on %s', (platform) => {
  test('forRootAsync makes its options of what the application injects, and the service is there for all modules where it is global [Nest]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith((head) => sized(head.target)));
    const configuration = moduleOf({
      providers: [{ provide: 'ORIGIN', useValue: origin.url }],
      exports: ['ORIGIN'],
    });
    const feature = moduleOf({ controllers: [proxyController(platform, '/feature')] });
    const root = moduleOf({
      imports: [
        SluicewayModule.forRootAsync({
          imports: [configuration],
          inject: ['ORIGIN'],
          useFactory: (upstream: string) => ({ upstream, path: '/files' }),
          isGlobal: true,
        }),
        feature,
      ],
    });
    const { application, port } = await run(net, platform, root);
    const client = await net.client(port);
    for (const [target, expected] of [
      ['/files/a?b', '/a?b'],
      ['/feature/c%2Fd', '/c%2Fd'],
    ] as const) {
      await client.get(target);
      expect((await client.readResponse()).content.toString()).toBe(expected);
    }
    await client.get('/elsewhere');
    expect((await client.readResponse()).head.status).toBe(404);
    expect(application.get(SluicewayService).path).toBe('/files');
  });

  test.for([false, true])(
    'middleware of the application stands before it, global or not (%s) [Nest]',
    async (isGlobal, { net }) => {
      const origin = await net.origin(respondWith(() => sized('a secret')));
      const imports = [SluicewayModule.forRoot({ upstream: origin.url, path: '/files', isGlobal })];
      class Root implements NestModule {
        configure(consumer: MiddlewareConsumer): void {
          const refuse = (_request: unknown, response: ServerResponse): void => {
            response.writeHead(401).end();
          };
          consumer.apply(refuse).forRoutes('{*path}');
        }
      }
      Module({ imports })(Root);
      const { port } = await run(net, platform, Root);
      const client = await net.client(port);
      await client.get('/files/a');
      expect((await client.readResponse()).head.status).toBe(401);
      expect(origin.total).toBe(0);
    },
  );

  test('options that are not valid fail the start [Nest]', async () => {
    const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const wrong = { upstream: 'ftp://x', pathh: '/files' } as SluicewayModuleOptions;
    const starting = NestFactory.create(moduleOf({ imports: [SluicewayModule.forRoot(wrong)] }), adapter, {
      logger: false,
      abortOnError: false,
    });
    const failure: unknown = await starting.then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(OptionsError);
    expect((failure as OptionsError).problems.map(({ path }) => path)).toEqual(['pathh', 'upstream']);
  });
});

test('under a global prefix the path of the module is the whole one [Nest]', async ({ net }) => {
  const origin = await net.origin(respondWith((head) => sized(head.target)));
  const root = moduleOf({
    imports: [SluicewayModule.forRoot({ upstream: origin.url, path: '/api/files' })],
  });
  const application = await NestFactory.create(root, new ExpressAdapter(), { logger: silent });
  application.setGlobalPrefix('api');
  net.cleanup(() => application.close());
  await application.listen(0, '127.0.0.1');
  const server = application.getHttpServer() as Server;
  const client = await net.client(server.address() as AddressInfo);
  await client.get('/api/files/a');
  expect((await client.readResponse()).content.toString()).toBe('/a');
});

test('requests that tests inject pass as others do on Fastify, either way [Nest]', async ({ net }) => {
  const origin = await net.origin(respondWith((_head, content) => sized(content)));
  for (const way of ['middleware', 'controller'] as const) {
    const proxy = createProxy({ upstream: origin.url });
    net.cleanup(() => proxy.destroy());
    const adapter = new FastifyAdapter();
    const application = await NestFactory.create<NestFastifyApplication>(
      rootFor('fastify', way, { handler: proxy }),
      adapter,
      { logger: silent, bodyParser: false },
    );
    adapter.getInstance().addContentTypeParser('*', (_request, content, done) => done(null, content));
    await application.init();
    await adapter.getInstance().ready();
    const headers = { 'content-type': 'application/zip' };
    const response = await application.inject({ method: 'POST', url: '/files/a', headers, payload: 'PK' });
    expect([response.statusCode, response.body]).toEqual([200, 'PK']);
    await until(() => proxy.active === 0, 'the transfer had ended');
    await application.close();
  }
});
