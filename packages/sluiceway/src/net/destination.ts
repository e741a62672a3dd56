/** The destination of a request. It determines which connections can carry it. */
export interface Destination {
  protocol: 'http:' | 'https:';
  /** A name or an address. IPv6 without brackets. */
  hostname: string;
  port: number;
  /**
   * The address to connect to, if the name has been resolved already: a server of a group with `resolve`. The name is
   * still the one in Host, in TLS and in the server's certificate. Absent: the name is resolved for each connection.
   */
  address?: string | undefined;
}

/** What a connection leads to: the address, or a name that is to be resolved. */
export const dialledHost = ({ address, hostname }: Destination): string => address ?? hostname;
