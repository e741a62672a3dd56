export type { KoaAdapterOptions, KoaContext, KoaHandler } from './adapters/koa/koa.js';
export { streamFrom, toKoa } from './adapters/koa/koa.js';
export type { AdapterOptions } from './adapters/shared/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/shared/attach-upgrades.js';
export { FrameworkError } from './adapters/shared/framework-error.js';
