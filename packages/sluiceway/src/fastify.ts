export { sluiceway, streamFrom, toFastify } from './adapters/fastify/fastify.js';
export type { FastifyMountOptions, FastifySluicewayOptions } from './adapters/fastify/fastify-options.js';
export type { AdapterOptions } from './adapters/shared/adapter.js';
export { FrameworkError } from './adapters/shared/framework-error.js';
