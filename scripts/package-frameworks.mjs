// A project for each framework, with the packed library and that framework alone: whether an application compiles there,
// strictly and with all declarations checked, and whether a request passes through it.
import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { output, root } from './support.mjs';

/** What every application needs: an origin server, and a request to itself once it listens. */
const support = `
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Listener {
  listen(port: number, host: string, done: () => void): unknown;
  address(): AddressInfo | string | null;
}

export async function listen(server: Listener): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return \`http://127.0.0.1:\${(server.address() as AddressInfo).port}\`;
}

export const origin: string = await listen(createServer((request, response) => response.end(request.url)));

export async function ask(address: string): Promise<never> {
  const response = await fetch(\`\${address}/files/7/a\`);
  console.log(await response.text());
  process.exit(0);
}
`;

/**
 * @typedef {object} Framework
 * @property {readonly string[]} packages What is installed beside the library.
 * @property {string} program
 */

/** @type {Readonly<Record<string, Framework>>} */
const frameworks = {
  express: {
    packages: ['express', '@types/express'],
    program: `
import { createServer } from 'node:http';
import express, { type Request } from 'express';
import { createProxy } from 'sluiceway';
import { toExpress } from 'sluiceway/express';
import { ask, listen, origin } from './support.mjs';

const proxy = createProxy<Request<{ id: string }>>({
  upstream: origin,
  onUpstreamRequest: ({ request, upstreamRequest }) => void upstreamRequest.headers.set('X-Id', request.context.params.id),
});
await ask(await listen(createServer(express().use('/files/:id', toExpress(proxy)))));
`,
  },
  fastify: {
    packages: ['fastify'],
    program: `
import fastify, { type FastifyRequest } from 'fastify';
import { createProxy } from 'sluiceway';
import { sluiceway, streamFrom } from 'sluiceway/fastify';
import { ask, origin } from './support.mjs';

const app = fastify();
const handler = createProxy<FastifyRequest<{ Params: { id: string } }>>({
  upstream: origin,
  onUpstreamRequest: ({ request, upstreamRequest }) => void upstreamRequest.headers.set('X-Id', request.context.params.id),
});
await app.register(sluiceway, { prefix: '/files/:id', handler, websocket: true });
await app.register(streamFrom, { addresses: 'any' });
app.get('/file', (_request, reply) => reply.streamFrom(origin));
await ask(await app.listen({ host: '127.0.0.1', port: 0 }));
`,
  },
  koa: {
    packages: ['koa', '@types/koa'],
    program: `
import { createServer } from 'node:http';
import Koa, { type Context } from 'koa';
import { createProxy } from 'sluiceway';
import { toKoa } from 'sluiceway/koa';
import { ask, listen, origin } from './support.mjs';

const proxy = createProxy<Context>({
  upstream: origin,
  onUpstreamRequest: ({ request, upstreamRequest }) => void upstreamRequest.headers.set('X-Ip', request.context.ip),
});
await ask(await listen(createServer(new Koa().use(toKoa(proxy, { path: '/files/7' })).callback())));
`,
  },
  hono: {
    packages: ['hono', '@hono/node-server'],
    program: `
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { createProxy, stripPrefix } from 'sluiceway';
import { toHono } from 'sluiceway/hono';
import { ask, listen, origin } from './support.mjs';

const proxy = createProxy<Context<{ Bindings: HttpBindings }>>({
  upstream: origin,
  onUpstreamRequest: ({ request, upstreamRequest }) => void upstreamRequest.headers.set('X-Path', request.context.req.path),
});
const app = new Hono<{ Bindings: HttpBindings }>().all('/files/*', toHono(stripPrefix('/files/7', proxy)));
await ask(await listen(createAdaptorServer(app)));
`,
  },
  nest: {
    packages: ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'reflect-metadata', 'rxjs'],
    program: `
import type { AddressInfo } from 'node:net';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SluicewayModule } from 'sluiceway/nest';
import { ask, origin } from './support.mjs';

@Module({
  imports: [SluicewayModule.forRootAsync({ useFactory: () => ({ path: '/files/7', upstream: origin }) })],
})
class App {}

const app = await NestFactory.create(App, { logger: false });
await app.listen(0, '127.0.0.1');
await ask(\`http://127.0.0.1:\${(app.getHttpServer().address() as AddressInfo).port}\`);
`,
  },
  opentelemetry: {
    packages: ['@opentelemetry/api'],
    program: `
import { createServer } from 'node:http';
import { attach, createProxy, mount, stripPrefix } from 'sluiceway';
import { openTelemetry } from 'sluiceway/opentelemetry';
import { ask, listen, origin } from './support.mjs';

const proxy = createProxy({ upstream: origin, tracing: openTelemetry() });
const server = createServer();
attach(server, mount({ '/files/7': stripPrefix('/files/7', proxy) }));
await ask(await listen(server));
`,
  },
  fetch: {
    packages: [],
    program: `
import { createProxy } from 'sluiceway';
import { toRouteHandlers } from 'sluiceway/fetch';
import { origin } from './support.mjs';

const { GET } = toRouteHandlers(createProxy({ upstream: origin }));
const response = await GET(new Request('http://test/a'), undefined);
console.log(await response.text());
process.exit(0);
`,
  },
};

/**
 * @param {string} project Where the packed library is installed, with the types of Node and nothing else.
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} subpaths Of the library: `express`, `fastify` …
 */
export function checkFrameworks(project, env, subpaths) {
  writeFileSync(join(project, 'support.mts'), support);
  // Without any framework. Only these need theirs when they run: Nest to be a module of its kind.
  const free = subpaths.filter((subpath) => !['nest', 'opentelemetry'].includes(subpath));
  load(project, env, free);
  console.log(`import and require of ${free.length} subpaths: work without any framework`);
  for (const [name, { packages, program }] of Object.entries(frameworks)) {
    for (const linked of packages) link(project, linked);
    load(project, env, [name]);
    writeFileSync(join(project, `${name}.mts`), program);
    compile(project, `${name}.mts`);
    const answer = output(process.execPath, [join('built', `${name}.mjs`)], { cwd: project, env });
    strictEqual(answer.trim(), '/a', `a request through the application of ${name}`);
    for (const linked of packages) rmSync(join(project, 'node_modules', linked));
    console.log(
      `sluiceway/${name}: compiles in a strict project with ${packages[0] ?? 'nothing'} alone, and serves`,
    );
  }
}

/**
 * @param {string} project
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} subpaths
 */
function load(project, env, subpaths) {
  const list = JSON.stringify(subpaths.map((subpath) => `sluiceway/${subpath}`));
  const program = `
    const { createRequire } = await import('node:module');
    const require = createRequire(process.cwd() + '/');
    for (const name of ${list}) if (require(name) !== (await import(name))) throw new Error(name + ' is two modules');`;
  output(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], { cwd: project, env });
}

/**
 * @param {string} project
 * @param {string} name
 */
function link(project, name) {
  const target = join(root, 'node_modules', name);
  if (!existsSync(target)) throw new Error(`${name} is not installed in the workspace`);
  const path = join(project, 'node_modules', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, 'junction');
}

/**
 * Declarations are checked too, but for those of the frameworks, which nobody here can mend.
 *
 * @param {string} cwd
 * @param {string} file
 */
function compile(cwd, file) {
  const options = [
    '--outDir',
    'built',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--experimentalDecorators',
  ];
  const target = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--pretty', 'false'];
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, ...options, ...target, file], {
    cwd,
    encoding: 'utf8',
  });
  const errors = stdout.split('\n').filter((line) => /error TS\d+/.test(line));
  const ours = errors.filter((line) => !resolve(cwd, line).startsWith(join(root, 'node_modules')));
  deepStrictEqual(ours, [], `${file} does not compile`);
}
