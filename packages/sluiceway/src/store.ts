export type { LimitStore, StoreStatus } from './limits/store.js';
export type {
  Holdings,
  RateAsk,
  RateLease,
  StoreBackend,
  StoreEvent,
} from './store/backend.js';
export { StoreUnavailableError } from './store/backend.js';
export { MemoryBackend } from './store/memory-backend.js';
export { SharedStore } from './store/shared-store.js';
