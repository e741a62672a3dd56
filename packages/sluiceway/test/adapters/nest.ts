import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import {
  All,
  type ArgumentsHost,
  Catch,
  Controller,
  type DynamicModule,
  type ExceptionFilter,
  Get,
  HttpException,
  Inject,
  Module,
  Req,
  Res,
  type Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  attachUpgrades,
  type PlatformRequest,
  type PlatformResponse,
  SluicewayModule,
  SluicewayService,
} from '../../src/nest.js';
import type { AdapterUnderTest, AppUnderTest, Feature, RunningApp } from './adapter-under-test.js';

export type Platform = 'express' | 'fastify';
/** How a handler is mounted: by the module, or by a controller. */
export type Way = 'middleware' | 'controller';

interface WithUser {
  user?: string;
  raw?: { user?: string };
}

export const underNest = (platform: Platform, way: Way, lacks: readonly Feature[]): AdapterUnderTest => ({
  name: `Nest on ${platform === 'express' ? 'Express' : 'Fastify'} (${way})`,
  // Exception filters know only Nest's own exceptions, which the tests of them do not expect.
  lacks: ['error-handler', ...lacks],
  start: (app) => start(platform, way, app),
  userOf: (context) => {
    const { user, raw } = context as WithUser;
    return user ?? raw?.user;
  },
});

async function start(platform: Platform, way: Way, app: AppUnderTest): Promise<RunningApp> {
  const { handler, path = '/', options = {}, streamFrom: file, parsesBody = false } = app;
  const imports: DynamicModule[] = [];
  const controllers: Type[] = [];
  if (handler !== undefined) {
    imports.push(SluicewayModule.forRoot({ handler, ...options, ...(way === 'middleware' && { path }) }));
    if (way === 'controller') controllers.push(proxyController(platform, path));
  }
  if (file !== undefined) {
    imports.push(SluicewayModule.forRoot({ upstream: 'http://127.0.0.1:9' }));
    controllers.push(fileController(file.url, file.options));
  }
  const root = moduleOf({ imports, controllers });
  const adapter = platform === 'express' ? onExpress(app) : onFastify(app);
  const application = await NestFactory.create(root, adapter, { logger: false, bodyParser: parsesBody });
  application.use((request: IncomingMessage & WithUser, response: ServerResponse, next: () => void) => {
    if (app.user !== undefined) request.user = app.user;
    if (app.answersFirst) Object.assign(response, { statusCode: 418 }).end('early');
    app.givesUp?.(() => void Object.assign(response, { statusCode: 503 }).end('late'));
    next();
  });
  if (app.onError !== undefined) application.useGlobalFilters(filterFor(adapter, app.onError));
  const server = application.getHttpServer() as Server;
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  if (handler !== undefined && app.upgrades) attachUpgrades(server, handler, { path });
  await application.listen(0, '127.0.0.1');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = application.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export function moduleOf(metadata: Parameters<typeof Module>[0]): Type {
  class Root {
    readonly metadata = metadata;
  }
  Module(metadata)(Root);
  return Root;
}

function onExpress({ trustsProxies }: AppUnderTest): AbstractHttpAdapter {
  const adapter = new ExpressAdapter();
  if (trustsProxies) adapter.set('trust proxy', true);
  return adapter;
}

function onFastify({ trustsProxies = false, parsesBody }: AppUnderTest): AbstractHttpAdapter {
  const adapter = new FastifyAdapter({ trustProxy: trustsProxies, forceCloseConnections: true });
  const instance = adapter.getInstance();
  if (!parsesBody) instance.removeAllContentTypeParsers();
  instance.addContentTypeParser('*', (_request, content, done) => done(null, content));
  return adapter;
}

/** A controller as users write it, but that decorators are called by hand: they are none of erasable syntax. */
export function proxyController(platform: Platform, path: string): Type {
  class Files {
    readonly #service: SluicewayService;

    constructor(service: SluicewayService) {
      this.#service = service;
    }

    serve(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#service.handle(request, response, { path });
    }
  }
  return controller(Files, path, 'serve', All(['', platform === 'express' ? '*path' : '*']));
}

function fileController(url: string, options: object): Type {
  class File {
    readonly #service: SluicewayService;

    constructor(service: SluicewayService) {
      this.#service = service;
    }

    serve(request: PlatformRequest, response: PlatformResponse): Promise<void> {
      return this.#service.streamFrom(request, response, url, options);
    }
  }
  return controller(File, '/', 'serve', Get('file'));
}

function controller(type: Type, path: string, method: string, route: MethodDecorator): Type {
  const prototype = type.prototype as object;
  Inject(SluicewayService)(type, undefined, 0);
  Controller(path)(type);
  Req()(prototype, method, 0);
  Res()(prototype, method, 1);
  const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
  if (descriptor !== undefined) route(prototype, method, descriptor);
  return type;
}

export function filterFor(adapter: AbstractHttpAdapter, onError: (error: unknown) => void): ExceptionFilter {
  class Filter implements ExceptionFilter {
    catch(exception: unknown, host: ArgumentsHost): void {
      onError(exception);
      const status = exception instanceof HttpException ? exception.getStatus() : 500;
      const message = exception instanceof Error ? exception.message : '';
      adapter.reply(host.switchToHttp().getResponse(), `handled: ${message}`, status);
    }
  }
  Catch()(Filter);
  return new Filter();
}
