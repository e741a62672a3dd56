export { streamFrom, toHono } from './adapters/hono/hono.js';
export type { HonoContext } from './adapters/hono/hono-response.js';
export type { AdapterOptions } from './adapters/shared/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/shared/attach-upgrades.js';
export { FrameworkError } from './adapters/shared/framework-error.js';
