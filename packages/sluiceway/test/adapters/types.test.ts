import type { Request } from 'express';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from 'koa';
import { describe, expectTypeOf, test } from 'vitest';
import { toExpress } from '../../src/express.js';
import { type FastifySluicewayOptions, sluiceway, toFastify } from '../../src/fastify.js';
import { createProxy, type DownstreamRequest, type Handler, type ReverseProxy } from '../../src/index.js';
import { toKoa } from '../../src/koa.js';
import { type NestRequest, SluicewayModule, type SluicewayModuleOptions } from '../../src/nest.js';

interface User {
  name: string;
}
type WithUser = Request<{ id: string }> & { user: User };

// Checked by the compiler: at run time these do nothing.
describe('what a framework knows of a request has its type in hooks', () => {
  test('in Express', () => {
    const proxy = createProxy<WithUser>({
      upstream: 'http://127.0.0.1:9',
      onUpstreamRequest: ({ request }) => {
        expectTypeOf(request.context.params.id).toEqualTypeOf<string>();
        expectTypeOf(request.context.user).toEqualTypeOf<User>();
      },
    });
    expectTypeOf(proxy).toEqualTypeOf<ReverseProxy<WithUser>>();
    expectTypeOf(toExpress(proxy)).parameter(0).toEqualTypeOf<WithUser>();
  });

  test('in Fastify', () => {
    const options: FastifySluicewayOptions = {
      upstream: 'http://127.0.0.1:9',
      onRequest: ({ request: { context } }) => void expectTypeOf(context).toEqualTypeOf<FastifyRequest>(),
      preHandler: async (_request, reply) => reply.code(401).send(),
    };
    expectTypeOf(options).toExtend<FastifySluicewayOptions>();
    expectTypeOf(sluiceway).toEqualTypeOf<FastifyPluginAsync<FastifySluicewayOptions>>();
    const own = createProxy<FastifyRequest<{ Params: { id: string } }>>({
      upstream: 'http://127.0.0.1:9',
      onRequest: ({ request: { context } }) => void expectTypeOf(context.params.id).toEqualTypeOf<string>(),
    });
    // @ts-expect-error: the options of a proxy beside a handler
    const both: FastifySluicewayOptions = { handler: own, upstream: 'http://127.0.0.1:9' };
    expectTypeOf(both).toBeObject();
    expectTypeOf(toFastify(own)).parameters.toEqualTypeOf<[FastifyRequest, FastifyReply]>();
    expectTypeOf<FastifyReply['streamFrom']>().toBeCallableWith(new URL('http://127.0.0.1:9'), {
      addresses: 'any',
    });
  });

  test('in Koa', () => {
    const proxy = createProxy<Context>({
      upstream: 'http://127.0.0.1:9',
      onRequest: ({ request: { context } }) => void expectTypeOf(context).toEqualTypeOf<Context>(),
    });
    expectTypeOf(toKoa(proxy)).parameter(0).toEqualTypeOf<Context>();
  });

  test('in Nest', () => {
    const options: SluicewayModuleOptions = {
      path: '/files',
      upstream: 'http://127.0.0.1:9',
      onRequest: ({ request }) => void expectTypeOf(request).toEqualTypeOf<DownstreamRequest<NestRequest>>(),
    };
    expectTypeOf(SluicewayModule.forRoot).toBeCallableWith({ ...options, isGlobal: true });
    expectTypeOf(SluicewayModule.forRootAsync).toBeCallableWith({
      useFactory: () => options,
      inject: ['OPTIONS'],
    });
    // @ts-expect-error: no option of anything
    expectTypeOf(SluicewayModule.forRoot).toBeCallableWith({ upstreams: [] });
  });

  test('and a handler for any request serves in all of them', () => {
    const any: Handler = createProxy({ upstream: 'http://127.0.0.1:9' });
    expectTypeOf(toExpress).toBeCallableWith(any);
    expectTypeOf(toFastify).toBeCallableWith(any);
    expectTypeOf(toKoa).toBeCallableWith(any);
  });
});
