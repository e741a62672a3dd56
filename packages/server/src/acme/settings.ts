import type { ExternalAccount } from './jws.js';

/** Where certificates come from, and for which names. */
export interface AcmeSettings {
  /** Host names in lower case. Each gets a certificate of its own. */
  domains: readonly string[];
  /** The URL of the directory of the authority. */
  directory: string;
  email: string | null;
  /** A folder, as an absolute path. */
  storage: string;
  externalAccount: ExternalAccount | null;
  /** Trusted authorities for the directory itself, in PEM. Null: those of Node. */
  ca: string | null;
}
