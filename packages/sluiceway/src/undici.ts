export type { UndiciDispatcher } from './upstream/undici/dispatcher.js';
export type { UndiciTransportOptions } from './upstream/undici/undici-transport.js';
export { undiciTransport } from './upstream/undici/undici-transport.js';
