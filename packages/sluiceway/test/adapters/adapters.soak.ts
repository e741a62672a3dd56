import { createAdaptorServer } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import * as hono from 'hono';
import Koa from 'koa';
import { expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { type AdapterUnderTest, listen } from './adapter-under-test.js';
import { AppLine, ended } from './app-line.js';
import { underExpress } from './express.js';
import { underFastify } from './fastify.js';
import { underFetch } from './fetch.js';
import { underHono } from './hono.js';
import { underKoa } from './koa.js';
import { underNest } from './nest.js';

const SIZE = 2 ** 30;
/** Of the whole process, in which the client and the origin server are too. */
const MAX_GROWTH = 2 ** 28;

const adapters: readonly AdapterUnderTest[] = [
  underExpress('5', express),
  underKoa('Koa 3', Koa, (app, path, make) => app.use(make({ path }))),
  underFastify('5', fastify),
  underHono('4', { ...hono, createAdaptorServer }),
  underNest('express', 'controller', []),
  underFetch('@hono/node-server', (fetch) => listen(createAdaptorServer({ fetch }))),
];

test.for(adapters.map((adapter) => [adapter.name, adapter] as const))(
  'in %s a download of 1 GiB arrives byte for byte, and memory stays flat [Sluiceway]',
  async ([, adapter], { net }) => {
    const line = await new AppLine(adapter).through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('adapters', 0, SIZE);
    });
    const before = process.memoryUsage.rss();
    let peak = before;
    let at = 0;
    await line.client.get('/');
    const { head, complete } = await line.client.readResponse({
      onContent(bytes) {
        if (!isSeeded('adapters', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
        if (at % 64 < bytes.length) peak = Math.max(peak, process.memoryUsage.rss());
      },
    });
    expect([head.contentLength, complete, at]).toEqual([SIZE, true, SIZE]);
    expect(peak - before).toBeLessThan(MAX_GROWTH);
    expect((await ended(line)).outcome).toBe('completed');
  },
);
