export { attachUpgrades, type UpgradeOptions } from './adapters/attach-upgrades.js';
export { SluicewayModule } from './adapters/nest.js';
export type { NestRequest, PlatformRequest, PlatformResponse } from './adapters/nest-request.js';
export type {
  NestHandleOptions,
  NestModuleOptions,
  SluicewayModuleOptions,
} from './adapters/nest-service.js';
export { SluicewayService } from './adapters/nest-service.js';
