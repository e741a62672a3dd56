/** Milliseconds; 0 stands for no limit. */
export interface TimeoutSettings {
  /** From the last byte of the request until the response head. */
  responseHeadMs: number;
  /** While the origin server alone holds the transfer up, between bytes. */
  upstreamIdleMs: number;
  /** While the client alone holds the transfer up, between bytes. */
  clientIdleMs: number;
  /** After a change of protocol: without a byte in either direction. */
  tunnelIdleMs: number;
  /** Of the origin server in the middle of content, after which a listener is told. 0: never. */
  silenceMs: number;
  /** For the whole transfer. */
  totalMs: number;
  /** Bytes per second, over a window of `RATE_WINDOW_MS`, while content is on its way. 0 stands for no limit. */
  minRate: number;
}

/** Is told that the origin server has sent nothing for a while, although it alone is waited for. */
export interface SilenceListener {
  onSilence(ms: number): void;
}
