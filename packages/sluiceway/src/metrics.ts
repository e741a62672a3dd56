export { type LimitMetrics, limitMetrics, storeMetrics } from './observe/limit-metrics.js';
export type { MetricSnapshot } from './observe/registry.js';
export { Numbers, numbers } from './observe/registry.js';
export { labelMetrics, METRICS_TYPE, renderMetrics, sumMetrics } from './observe/render.js';
export { type GroupMetrics, serverMetrics } from './observe/server-metrics.js';
export { type RouteMetrics, TransferMetrics } from './observe/transfer-metrics.js';
