// @ts-check
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';
import { listenOptions, origin, serverOptions, tls, undiciOptions } from './server.mjs';

const app = fastify({ ...serverOptions, bodyLimit: Number.MAX_SAFE_INTEGER, ...(tls ? { https: tls } : {}) });
await app.register(httpProxy, { upstream: origin.origin, undici: undiciOptions });
await app.listen(listenOptions);
