/** Where a request goes: what decides which connections may carry it. */
export interface Destination {
  protocol: 'http:' | 'https:';
  /** A name or an address; IPv6 without brackets. */
  hostname: string;
  port: number;
}
