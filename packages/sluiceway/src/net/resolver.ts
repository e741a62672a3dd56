import { SluicewayError } from '../errors.js';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** Resolves names to addresses. A rejection becomes `dns_error`, or `dns_timeout` if its code is `ETIMEOUT`. */
export interface Resolver {
  /**
   * Returns all addresses of a name, in the order in which to try them. `client` is the address of the client that the
   * lookup is for, if known, so that a resolver can keep one client from using up all lookups.
   */
  resolve(hostname: string, client?: string | null): Promise<ResolvedAddress[]>;
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
