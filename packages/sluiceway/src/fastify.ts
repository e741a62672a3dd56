export type { AdapterOptions } from './adapters/adapter.js';
export { sluiceway, streamFrom, toFastify } from './adapters/fastify.js';
export type { FastifyMountOptions, FastifySluicewayOptions } from './adapters/fastify-options.js';
export { FrameworkError } from './adapters/framework-error.js';
