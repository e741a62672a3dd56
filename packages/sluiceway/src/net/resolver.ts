import { lookup } from 'node:dns';
import { SluicewayError } from '../errors.js';

export interface ResolvedAddress {
  address: string;
  family: 4 | 6;
}

/** Turns names into addresses. Rejects with a `SluicewayError`, whose code is `dns_error` as a rule. */
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
        if (error) reject(dnsError(hostname, error));
        else resolve(addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })));
      });
    }),
};

function dnsError(hostname: string, cause: NodeJS.ErrnoException): SluicewayError {
  // Nothing of a request has been sent while its name is looked up.
  return new SluicewayError('dns_error', `${hostname}: ${cause.code ?? cause.message}`, {
    cause,
    retryable: true,
  });
}
