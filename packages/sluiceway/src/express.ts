export type { AdapterOptions } from './adapters/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/attach-upgrades.js';
export type { ExpressHandler, ExpressRequest } from './adapters/express.js';
export { streamFrom, toExpress } from './adapters/express.js';
export { FrameworkError } from './adapters/framework-error.js';
