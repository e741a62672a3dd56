import type { ExternalAccount } from './jws.js';

/** Over HTTP at port 80 (RFC 8555 section 8.3), or over TLS at port 443 (RFC 8737). */
export type ChallengeType = 'http-01' | 'tls-alpn-01';

/** Where certificates come from, and for which names. */
export interface AcmeSettings {
  /** Host names in lower case. Each gets a certificate of its own. */
  domains: readonly string[];
  /** The URL of the directory of the authority. */
  directory: string;
  email: string | null;
  /** How the authority finds out that a name leads here. */
  challenge: ChallengeType;
  /** A folder, as an absolute path. */
  storage: string;
  externalAccount: ExternalAccount | null;
  /** Trusted authorities for the directory itself, in PEM. Null: those of Node. */
  ca: string | null;
}
