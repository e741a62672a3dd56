import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as sluiceway from 'sluiceway';
import * as compat from 'sluiceway/compat';
import * as express from 'sluiceway/express';
import * as fastify from 'sluiceway/fastify';
import * as fetch from 'sluiceway/fetch';
import * as gateway from 'sluiceway/gateway';
import * as guard from 'sluiceway/guard';
import * as hono from 'sluiceway/hono';
import * as jwt from 'sluiceway/jwt';
import * as koa from 'sluiceway/koa';
import * as nest from 'sluiceway/nest';
import * as descriptions from 'sluiceway/options';
import * as redis from 'sluiceway/redis';
import * as store from 'sluiceway/store';
import * as undici from 'sluiceway/undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as user from './user-program.js';

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'sluiceway-types-'));
  copyFileSync(fileURLToPath(new URL('user-program.ts', import.meta.url)), join(project, 'program.ts'));
  symlinkSync(
    fileURLToPath(new URL('../../../../node_modules', import.meta.url)),
    join(project, 'node_modules'),
  );
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Compiler options of users, beyond `strict`. Declarations are checked, ours and Node's. */
const settings: [string, Record<string, unknown>][] = [
  ['of Node', { module: 'nodenext', target: 'es2022' }],
  ['of a bundler', { module: 'esnext', moduleResolution: 'bundler', target: 'es2022' }],
  [
    'at their strictest',
    { module: 'nodenext', exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  ],
];

describe('a program that uses all of the interface compiles', () => {
  test.each(settings)('under the options %s', (_, options) => {
    const compilerOptions = { strict: true, noEmit: true, types: ['node'], skipLibCheck: false, ...options };
    const files = ['program.ts'];
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const { stdout, status } = spawnSync(process.execPath, [tsc, '--singleThreaded', '-p', project], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

test('what is exported at run time is what is promised, and no more', () => {
  expect(Object.keys(sluiceway).toSorted()).toEqual([
    'Fields',
    'OptionsError',
    'SluicewayError',
    'allOf',
    'anyOf',
    'attach',
    'basic',
    'bearer',
    'clientAddresses',
    'clientCertificate',
    'createProxy',
    'createStreamer',
    'createUpstreamGroup',
    'createUrlSigner',
    'formatBytes',
    'formatDuration',
    'formatTransferCombined',
    'formatTransferJson',
    'formatTransferText',
    'forwardAuth',
    'mount',
    'parseBytes',
    'parseDurationMs',
    'passThrough',
    'signed',
    'streamFrom',
    'stripPrefix',
    'thirdParty',
  ]);
});

test('what is exported at run time for gateways is what is promised, and no more', () => {
  expect(Object.keys(gateway).toSorted()).toEqual([
    'createDownloadGateway',
    'createLinks',
    'formatKeys',
    'generateKey',
    'parseKeys',
  ]);
});

test('what is exported at run time for Express is what is promised, and no more', () => {
  expect(Object.keys(express).toSorted()).toEqual([
    'FrameworkError',
    'attachUpgrades',
    'streamFrom',
    'toExpress',
  ]);
});

test('what is exported at run time for Fastify is what is promised, and no more', () => {
  expect(Object.keys(fastify).toSorted()).toEqual(['FrameworkError', 'sluiceway', 'streamFrom', 'toFastify']);
});

test('what is exported at run time for those who come from http-proxy-middleware is what is promised, and no more', () => {
  expect(Object.keys(compat).toSorted()).toEqual([
    'createProxyMiddleware',
    'fixRequestBody',
    'responseInterceptor',
  ]);
});

test('what is exported at run time for Koa is what is promised, and no more', () => {
  expect(Object.keys(koa).toSorted()).toEqual(['FrameworkError', 'attachUpgrades', 'streamFrom', 'toKoa']);
});

test('what is exported at run time for Nest is what is promised, and no more', () => {
  expect(Object.keys(nest).toSorted()).toEqual(['SluicewayModule', 'SluicewayService', 'attachUpgrades']);
});

test('what is exported at run time of the guard is what is promised, and no more', () => {
  expect(Object.keys(guard).toSorted()).toEqual([
    'GuardedAgent',
    'GuardedHttpsAgent',
    'guardedConnect',
    'pathForms',
    'publicOnly',
  ]);
});

test('what is exported at run time for hosts of fetch is what is promised, and no more', () => {
  expect(Object.keys(fetch).toSorted()).toEqual(['streamFrom', 'toFetch', 'toRouteHandlers']);
});

test('what is exported at run time for Hono is what is promised, and no more', () => {
  expect(Object.keys(hono).toSorted()).toEqual(['FrameworkError', 'attachUpgrades', 'streamFrom', 'toHono']);
});

test('what is exported at run time of the descriptions of options is what is promised, and no more', () => {
  expect(Object.keys(descriptions).toSorted()).toEqual([
    'Checker',
    'OFF',
    'boolean',
    'clientCertificateOptions',
    'createTrustedPeers',
    'custom',
    'documentedOptions',
    'duration',
    'either',
    'findSpec',
    'findValidator',
    'forwardAuthOptions',
    'gatewayOptions',
    'group',
    'groupSchema',
    'integer',
    'isUnixPeer',
    'joinPath',
    'jwtOptions',
    'list',
    'listOptions',
    'membersOf',
    'oneOf',
    'parseContentRange',
    'parseDigest',
    'parseRetryAfter',
    'proxyOptions',
    'readDigest',
    'readFileName',
    'record',
    'redisStoreOptions',
    'resolve',
    'size',
    'string',
    'toJsonSchema',
    'toSafeFileName',
    'upstreamGroupOptions',
  ]);
});

test('what is exported at run time for JSON Web Tokens is what is promised, and no more', () => {
  expect(Object.keys(jwt)).toEqual(['jwt']);
});

test('what is exported at run time for Redis is what is promised, and no more', () => {
  expect(Object.keys(redis)).toEqual(['redisStore']);
});

test('what is exported at run time for shared state is what is promised, and no more', () => {
  expect(Object.keys(store).toSorted()).toEqual(['MemoryBackend', 'SharedStore', 'StoreUnavailableError']);
});

test('what is exported at run time for undici is what is promised, and no more', () => {
  expect(Object.keys(undici)).toEqual(['undiciTransport']);
});

test("a user's own transport serves a proxy", () => {
  const transport = new user.OwnTransport();
  const proxy = sluiceway.createProxy({ upstream: 'http://origin.test', transport, ...user.hooks });
  expect(proxy.active).toBe(0);
  proxy.destroy();
});
