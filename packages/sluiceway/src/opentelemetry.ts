export { type OpenTelemetryOptions, openTelemetry } from './observe/open-telemetry.js';
export type { TracedRequest, Tracing, TransferTrace } from './proxy/transfer/tracing.js';
