/** In milliseconds. 0: no limit. */
export interface TimeoutSettings {
  /** From the last byte of the request to the response head. */
  responseHeadMs: number;
  /** Between bytes, while the transfer waits only for the origin server. */
  upstreamIdleMs: number;
  /** Between bytes, while the transfer waits only for the client. */
  clientIdleMs: number;
  /** After a change of protocol: without a byte in either direction. */
  tunnelIdleMs: number;
  /** Silence of the origin server within content, after which a listener is called. 0: never. */
  silenceMs: number;
  /** For the whole transfer. */
  totalMs: number;
  /** Least bytes per second, over a window of `RATE_WINDOW_MS`, while content is transferred. 0: no limit. */
  minRate: number;
}

/** Called if the origin server has sent nothing for a while, although the transfer waits only for it. */
export interface SilenceListener {
  onSilence(ms: number): void;
}

/** Infinity if there is no limit. `rateWindowMs`: how long the minimum rate is measured. Without an array: each request asks. */
export function shortestLimitMs(settings: TimeoutSettings, rateWindowMs: number): number {
  const { responseHeadMs, upstreamIdleMs, clientIdleMs, tunnelIdleMs, silenceMs, totalMs, minRate } =
    settings;
  return Math.min(
    orNone(responseHeadMs),
    orNone(upstreamIdleMs),
    orNone(clientIdleMs),
    orNone(tunnelIdleMs),
    orNone(silenceMs),
    orNone(totalMs),
    minRate === 0 ? Number.POSITIVE_INFINITY : rateWindowMs,
  );
}

const orNone = (limitMs: number): number => (limitMs > 0 ? limitMs : Number.POSITIVE_INFINITY);
