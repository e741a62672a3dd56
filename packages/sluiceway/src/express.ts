export type { ExpressHandler, ExpressRequest } from './adapters/express/express.js';
export { streamFrom, toExpress } from './adapters/express/express.js';
export type { AdapterOptions } from './adapters/shared/adapter.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/shared/attach-upgrades.js';
export { FrameworkError } from './adapters/shared/framework-error.js';
