export type { AdapterOptions } from './adapters/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/attach-upgrades.js';
export { FrameworkError } from './adapters/framework-error.js';
export { streamFrom, toHono } from './adapters/hono.js';
export type { HonoContext } from './adapters/hono-response.js';
