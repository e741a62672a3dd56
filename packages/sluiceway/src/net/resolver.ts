import { SluicewayError } from '../errors.js';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
  /** How many seconds the answer is valid (the TTL of its record). Absent: unknown. */
  ttl?: number;
}

/** An SRV record (RFC 2782). */
export interface ServiceRecord {
  /** The name of the server. `.` or `''`: there is no such service. */
  name: string;
  port: number;
  /** Servers with the lowest number are used first. */
  priority: number;
  /** The share of the requests among servers of the same priority. */
  weight: number;
}

/** Resolves names to addresses. A rejection becomes `dns_error`, or `dns_timeout` if its code is `ETIMEOUT`. */
export interface Resolver {
  /**
   * Returns all addresses of a name, in the order in which to try them. `client` is the address of the client that the
   * lookup is for, if known, so that a resolver can keep one client from using up all lookups.
   */
  resolve(hostname: string, client?: string | null): Promise<ResolvedAddress[]>;
  /** Returns the SRV records of a name. Absent: the operating system's name servers are asked. */
  resolveSrv?(name: string): Promise<ServiceRecord[]>;
}

/** Whether the failure of a lookup says that the name does not exist, or has no record of that kind. */
export function isNoSuchName(error: unknown): boolean {
  const cause = error instanceof SluicewayError ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  return code === 'ENOTFOUND' || code === 'ENODATA';
}

/** Converts a resolver's error. Whatever the error is, it says nothing about the origin server. */
export function toDnsError(hostname: string, cause: unknown): SluicewayError {
  if (cause instanceof SluicewayError) return cause;
  const { code, message = String(cause) }: Partial<NodeJS.ErrnoException> =
    cause instanceof Error ? cause : {};
  // Nothing of a request has been sent while its name is looked up.
  return new SluicewayError(
    code === 'ETIMEOUT' ? 'dns_timeout' : 'dns_error',
    `${hostname}: ${code ?? message}`,
    {
      cause,
      retryable: true,
    },
  );
}
