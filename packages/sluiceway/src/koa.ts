export type { AdapterOptions } from './adapters/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/attach-upgrades.js';
export { FrameworkError } from './adapters/framework-error.js';
export type { KoaAdapterOptions, KoaContext, KoaHandler } from './adapters/koa.js';
export { streamFrom, toKoa } from './adapters/koa.js';
