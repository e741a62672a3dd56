import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { AnswerTlsChallenge } from './challenge-gate.js';
import type { Certificate } from './pem.js';

/** The TLS settings of a listener. */
export interface TlsSettings {
  /** The first one is for clients that send no name, or one that no certificate has. With none, handshakes fail. */
  certificates: readonly Certificate[];
  /** Names, in lower case, whose certificates do not exist yet. Handshakes for them fail. */
  awaited?: readonly string[];
  /** Answers challenges of authorities. Default: there are none. */
  answerChallenge?: AnswerTlsChallenge;
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Null: clients are not asked for a certificate. */
  clients: ClientCertificates | null;
}

interface ClientCertificates {
  /** The trusted authorities, in PEM. */
  ca: string;
  /** Whether a client without a certificate is refused. */
  required: boolean;
}

/** Certificates that share a context: they have the same names, and keys of different kinds. */
type Group = readonly [Certificate, ...Certificate[]];

/** The certificates of a listener, by the name that a client sends (SNI, RFC 6066 section 3). */
export class SecureContexts {
  /** The options of the first group. */
  readonly options: SecureContextOptions;
  readonly #groups: readonly { certificate: Certificate; context: SecureContext }[];
  readonly #awaited: ReadonlySet<string>;
  /** Has no certificate, so a handshake ends with an alert. */
  readonly #empty: SecureContext;

  /** Throws the errors of OpenSSL. */
  constructor(settings: TlsSettings) {
    const groups = groupByNames(settings.certificates);
    const [first] = groups;
    this.options = toOptions(first ?? [], settings);
    this.#awaited = new Set(settings.awaited ?? []);
    this.#empty = createSecureContext(toOptions([], settings));
    this.#groups = groups.map((group) => ({
      certificate: group[0],
      context: createSecureContext(toOptions(group, settings)),
    }));
  }

  /** Prefers a certificate with exactly that name to one with a wildcard. Undefined: the first one. */
  find(name: string): SecureContext | undefined {
    let wildcard: SecureContext | undefined;
    for (const { certificate, context } of this.#groups) {
      const match = certificate.parsed.checkHost(name, { subject: 'never' });
      if (match === undefined) continue;
      if (!match.includes('*')) return context;
      wildcard ??= context;
    }
    return wildcard ?? (this.#awaited.has(name.toLowerCase()) ? this.#empty : undefined);
  }
}

/** OpenSSL chooses between certificates of one context by the kind of their keys. */
function groupByNames(certificates: readonly Certificate[]): Group[] {
  const groups = new Map<string, Group>();
  for (const certificate of certificates) {
    const names = namesOf(certificate);
    const group = groups.get(names);
    groups.set(names, group === undefined ? [certificate] : [...group, certificate]);
  }
  return [...groups.values()];
}

/** The names of a certificate, to compare it with others. */
export const namesOf = ({ parsed }: Certificate): string =>
  (parsed.subjectAltName ?? parsed.subject).split(', ').toSorted().join(', ');

function toOptions(
  group: readonly Certificate[],
  { minVersion, clients }: TlsSettings,
): SecureContextOptions {
  return {
    cert: group.map(({ cert }) => cert),
    key: group.map(({ key }) => key),
    minVersion,
    ...(clients !== null && { ca: clients.ca }),
  };
}
