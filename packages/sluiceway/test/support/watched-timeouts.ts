import type { SluicewayError } from '../../src/errors.js';
import type { TimeoutSettings } from '../../src/stream/timeout-settings.js';
import { TransferTimeouts } from '../../src/stream/timeouts.js';

export const ALL_OFF: TimeoutSettings = {
  responseHeadMs: 0,
  upstreamIdleMs: 0,
  clientIdleMs: 0,
  tunnelIdleMs: 0,
  silenceMs: 0,
  totalMs: 0,
  minRate: 0,
};

/** The default timeouts of a proxy. */
export const DEFAULTS: TimeoutSettings = {
  ...ALL_OFF,
  responseHeadMs: 60_000,
  upstreamIdleMs: 60_000,
  clientIdleMs: 600_000,
  tunnelIdleMs: 3_600_000,
};

export interface WatchedTimeouts {
  timeouts: TransferTimeouts;
  /** The limits that expired, with the milliseconds since the start. */
  expired: [code: string, ms: number][];
}

/** `goesOn`: the transfer continues after any limit expires. */
export function watchTimeouts(settings: Partial<TimeoutSettings>, goesOn = false): WatchedTimeouts {
  const began = performance.now();
  const expired: WatchedTimeouts['expired'] = [];
  const onExpired = ({ code }: SluicewayError): boolean => {
    expired.push([code, performance.now() - began]);
    return goesOn;
  };
  return { timeouts: new TransferTimeouts({ ...DEFAULTS, ...settings }, onExpired), expired };
}
