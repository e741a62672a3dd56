import { SluicewayError } from '../errors.js';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** Turns names into addresses. What it rejects with becomes `dns_error`, or `dns_timeout` where its code is `ETIMEOUT`. */
export interface Resolver {
  /**
   * All addresses of a name, in the order in which they should be tried. `client` is the address of the client that the
   * lookup is for, where one is known: no client may take up all lookups.
   */
  resolve(hostname: string, client?: string | null): Promise<ResolvedAddress[]>;
}

/** What a resolver has failed with: whatever that is, it says nothing of the origin server. */
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
