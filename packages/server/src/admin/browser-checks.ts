import { isIP } from 'node:net';
import { type AccessRequest, SluicewayError } from 'sluiceway';
import { isInherited, type ListenAddress } from '../listeners/address.js';

/**
 * Refuses requests for a host that is not a name of the admin listener: a web site can let its name resolve to a loopback
 * address, and then sends requests through the browser of the operator (DNS rebinding). IP addresses are no such names.
 * Browsers cannot connect to Unix sockets, so those accept any host.
 */
export function checkHost(
  { host }: Pick<AccessRequest, 'host'>,
  address: ListenAddress,
  hosts: readonly string[],
): void {
  // Only HTTP/1.0 has requests without Host, and every browser sends one.
  if ('path' in address || host === null) return;
  const name = withoutPort(host).toLowerCase().replace(/\.$/, '');
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return;
  if (name === 'localhost' || name.endsWith('.localhost')) return;
  const own = isInherited(address) ? [] : [address.host];
  if ([...own, ...hosts].some((known) => known.toLowerCase() === name)) return;
  throw new SluicewayError('http_request_denied', `The admin listener has no host ${JSON.stringify(host)}`, {
    status: 403,
    publicMessage: 'The admin listener does not have this host. Add it to admin.hosts.',
  });
}

const withoutPort = (host: string): string => host.replace(/:\d*$/, '');

/**
 * Refuses a request that a page of another site sends: it could not read the answer, but it could keep the server busy. Links
 * to the listener work.
 */
export function checkEmbedding({ headers }: Pick<AccessRequest, 'headers'>): void {
  const isOther = headers.getAll('sec-fetch-site').some((site) => site !== 'same-origin' && site !== 'none');
  if (isOther && headers.get('sec-fetch-mode') !== 'navigate') throw otherSite();
}

/**
 * Refuses a state-changing request that a browser sends for another site. Programs send neither of the fields. Older
 * browsers send only `Origin`.
 */
export function checkCrossSite({ headers, host, protocol }: AccessRequest): void {
  const sites = headers.getAll('sec-fetch-site');
  const origins = headers.getAll('origin');
  const isSameSite = sites.every((site) => site === 'same-origin' || site === 'none');
  const own = `${protocol}://${host ?? ''}`.toLowerCase();
  if (isSameSite && origins.every((origin) => origin.toLowerCase() === own)) return;
  throw otherSite();
}

const otherSite = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'A browser sent the request for another site', {
    status: 403,
    publicMessage: 'Requests from other sites are not accepted.',
  });
