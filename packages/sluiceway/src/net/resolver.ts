import { lookup } from 'node:dns';
import { SluicewayError } from '../errors.js';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** Turns names into addresses. What it rejects with becomes `dns_error`, or `dns_timeout` where its code is `ETIMEOUT`. */
export interface Resolver {
  /** All addresses of a name, in the order in which they should be tried. */
  resolve(hostname: string): Promise<ResolvedAddress[]>;
}

/**
 * The operating system's resolver, with its hosts file, in its order. It also reads spellings such as `127.1`
 * and `0x7f.1` as addresses, so what it returns has to be judged, never what was asked for.
 */
export const systemResolver: Resolver = {
  resolve: (hostname) =>
    new Promise((resolve, reject) => {
      lookup(hostname, { all: true, verbatim: true }, (error, addresses) => {
        if (error) reject(toDnsError(hostname, error));
        else resolve(addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })));
      });
    }),
};

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
