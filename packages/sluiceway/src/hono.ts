export type { AdapterOptions } from './adapters/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/attach-upgrades.js';
export { FrameworkError } from './adapters/framework-error.js';
export { type HonoContext, streamFrom, toHono } from './adapters/hono.js';
