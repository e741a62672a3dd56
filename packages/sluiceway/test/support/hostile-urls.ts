import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { SluicewayError } from '../../src/errors.js';
import type { Resolver } from '../../src/net/resolver.js';

/** A hostile URL, and what a gateway with default settings does with it. */
export interface HostileUrl {
  url: string;
  /** The status of the refusal, or `dialled` if the URL leads to a public address. */
  verdict: 400 | 403 | 'dialled';
  /** The only address that is dialled. */
  address?: string;
  /** The verdict on the same text in `Location`, if it differs. */
  redirect?: 403 | 'dialled';
  /** The status if this version of Node accepts the text as a URL: it then names a host that does not exist. */
  parsed?: 502;
}

interface Corpus {
  /** The addresses of the names in the URLs. */
  names: Record<string, string[]>;
  groups: { about: string; urls: HostileUrl[] }[];
}

export const hostileUrls = JSON.parse(
  readFileSync(new URL('../gateway/hostile-urls.json', import.meta.url), 'utf8'),
) as Corpus;

/** Resolves only the names of the corpus, with or without a trailing dot. */
export const hostileNames: Resolver = {
  resolve(hostname) {
    const addresses = hostileUrls.names[hostname] ?? hostileUrls.names[hostname.replace(/\.$/, '')];
    if (addresses === undefined) return Promise.reject(new SluicewayError('dns_error', hostname));
    return Promise.resolve(
      addresses.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }) as const),
    );
  },
};
