import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { SluicewayError } from '../../src/errors.js';
import type { Resolver } from '../../src/net/resolver.js';

/** A URL that somebody has made up, and what a gateway on its default settings does with it. */
export interface HostileUrl {
  url: string;
  /** The status of the refusal, or `dialled` where the URL leads to a public address. */
  verdict: 400 | 403 | 'dialled';
  /** The one address that is dialled. */
  address?: string;
  /** The verdict on the same text in `Location`, where that says something else. */
  redirect?: 403 | 'dialled';
  /** The status where this version of Node takes the text for a URL: then it names what does not exist. */
  parsed?: 502;
}

interface Corpus {
  /** What the names in the URLs resolve to. */
  names: Record<string, string[]>;
  groups: { about: string; urls: HostileUrl[] }[];
}

export const hostileUrls = JSON.parse(
  readFileSync(new URL('../gateway/hostile-urls.json', import.meta.url), 'utf8'),
) as Corpus;

/** Knows the names of the corpus, with or without the dot at their end, and no others. */
export const hostileNames: Resolver = {
  resolve(hostname) {
    const addresses = hostileUrls.names[hostname] ?? hostileUrls.names[hostname.replace(/\.$/, '')];
    if (addresses === undefined) return Promise.reject(new SluicewayError('dns_error', hostname));
    return Promise.resolve(
      addresses.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }) as const),
    );
  },
};
