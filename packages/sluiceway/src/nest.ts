export { SluicewayModule } from './adapters/nest/nest.js';
export type { NestRequest, PlatformRequest, PlatformResponse } from './adapters/nest/nest-request.js';
export type {
  NestHandleOptions,
  NestModuleOptions,
  SluicewayModuleOptions,
} from './adapters/nest/nest-service.js';
export { SluicewayService } from './adapters/nest/nest-service.js';
export { attachUpgrades, type UpgradeOptions } from './adapters/shared/attach-upgrades.js';
