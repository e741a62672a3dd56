import type { Protocol } from './chain.js';
import type { Product } from './products.js';

/**
 * `error`: files can be damaged, or are refused. `warning`: works up to a limit, or costs more than it should. `note`: good
 * to know; files arrive.
 */
type Severity = 'error' | 'warning' | 'note';

export interface Kind {
  severity: Severity;
  /** What to set, by product. The value is one setting, as its configuration has it. */
  settings: Partial<Record<Product, string>>;
}

/** A number or a word that was measured, by name. */
type Evidence = Readonly<Record<string, string | number | boolean | null>>;

/** What a probe has found, before the doctor knows which hop does it. */
export interface Detection {
  kind: string;
  /** A sentence without its full stop. */
  message: string;
  evidence: Evidence;
  /** The product whose error page has come; null for a page that is not known. */
  product?: Product | null | undefined;
  /** The protocols that it is about, if they are not those of the chain that the probe was given. */
  protocols?: readonly Protocol[];
}

interface Setting {
  product: Product;
  setting: string;
}

export interface Finding {
  id: string;
  severity: Severity;
  message: string;
  /** The URL of the hop that does it, if the doctor was given the URLs of hops, and the product, if it is known. */
  hop: { url: string | null; product: Product | null };
  settings: readonly Setting[];
  /** What the doctor spoke when it was found. Both, if both were tested and show it. */
  protocols: readonly Protocol[];
  evidence: Evidence;
}
