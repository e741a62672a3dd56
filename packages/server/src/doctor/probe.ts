import type { Chain } from './chain.js';
import type { Effort } from './effort.js';
import type { Exchange } from './exchange.js';
import type { Detection } from './finding.js';
import { type Product, productOfPage } from './products.js';

/** One question about a chain. */
export interface Probe {
  /** Its name on the command line and in reports. */
  name: string;
  /** What it asks, for the progress. */
  title: string;
  /** The kinds of findings that it can have. */
  kinds: readonly string[];
  /** Waits most of the time, so that it can run beside others. */
  isSlow?: boolean;
  /** Compares what arrives, whenever it arrives, so that one run is certain. */
  isExact?: boolean;
  /** Not repeated over HTTP/2: it is about HTTP/1.1, or has tested both. */
  isHttp1?: boolean;
  /** What it finds is always that of the hop next to the client. */
  isOfFirstHop?: boolean;
  /** Answers with what it has found. Throws `NotTested`. */
  run(chain: Chain, effort: Effort): Promise<readonly Detection[]>;
}

/** `1,048,576` */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `2 s`, `2.5 s` */
export const formatSeconds = (ms: number): string => `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`;

/** How a request has failed, in words. */
export function describeEnd(exchange: Exchange): string {
  const { head, ending } = exchange;
  if (head !== null && (head.status >= 400 || ending?.how === 'complete')) return `gets ${head.status}`;
  if (ending?.how === 'left') return head === null ? 'gets no response in time' : 'does not end in time';
  if (head !== null) return 'is cut';
  if (ending?.code?.startsWith('HPE_') === true) return `gets a response that is not valid (${ending.code})`;
  return ending?.code === 'ECONNRESET' || ending?.code === 'EPIPE' || ending?.code === null
    ? 'is closed without a response'
    : `fails (${ending?.code ?? 'no response'})`;
}

/** The product whose error page has come; null for a page that is not known, and undefined without an error page. */
export function errorProduct({ head, beginning }: Exchange): Product | null | undefined {
  if (head === null || head.status < 400 || beginning.length === 0) return undefined;
  return productOfPage(head.fields, beginning.toString('latin1'));
}
