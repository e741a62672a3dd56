/** The destination of a request. It determines which connections can carry it. */
export interface Destination {
  protocol: 'http:' | 'https:';
  /** A name or an address. IPv6 without brackets. */
  hostname: string;
  port: number;
}
