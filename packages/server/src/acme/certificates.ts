import { type AcmeEvent, CertificateJob, type JobListener } from './certificate-job.js';
import { createChallengeCertificate } from './challenge-certificate.js';
import type { AcmeSettings } from './settings.js';
import { AcmeStorage, type StoredCertificate } from './storage.js';

export interface AcmeListener {
  onEvent(event: AcmeEvent): void;
  /** The certificates of some domain have changed. */
  onChange(): void;
}

/** The state of one certificate, for metrics. */
export interface CertificateState {
  domain: string;
  /** Null while there is none. */
  validTo: Date | null;
  /** The number of failures since the last success. */
  failures: number;
}

const keyOf = (settings: AcmeSettings, domain: string): string =>
  JSON.stringify([settings.directory, settings.storage, domain]);

/** Null also if it cannot be read: the job of the certificate reports that. */
function readStored({ storage, directory }: AcmeSettings, domain: string): StoredCertificate | null {
  try {
    return new AcmeStorage(storage, directory).readCertificate(domain);
  } catch {
    return null;
  }
}

/** The certificates that a server obtains by ACME. */
export class AcmeCertificates {
  readonly #listener: AcmeListener;
  readonly #obtains: boolean;
  #jobs = new Map<string, { job: CertificateJob; facts: string }>();
  #storages = new Map<string, AcmeStorage>();
  /** The number of certificates obtained, and of failures, since the start. */
  obtained = 0;
  failed = 0;

  /** `obtains`: whether this process obtains certificates, or uses those that another one stores. */
  constructor(listener: AcmeListener, obtains = true) {
    this.#listener = listener;
    this.#obtains = obtains;
  }

  /** Looks at once for certificates that another process has stored. */
  refresh(): void {
    for (const { job } of this.#jobs.values()) job.start();
  }

  /** The certificates of these settings that exist by now, also if they do not apply yet. */
  find(settings: AcmeSettings): StoredCertificate[] {
    return settings.domains.flatMap((domain) => {
      const { job } = this.#jobs.get(keyOf(settings, domain)) ?? {};
      if (job !== undefined) return job.certificate ?? [];
      return readStored(settings, domain) ?? [];
    });
  }

  /** Obtains and renews the certificates of these settings from now on, and no others. */
  apply(all: readonly AcmeSettings[]): void {
    const former = this.#jobs;
    this.#jobs = new Map();
    this.#storages = new Map();
    for (const settings of all) {
      this.#storages.set(
        `${settings.storage} ${settings.directory}`,
        new AcmeStorage(settings.storage, settings.directory),
      );
      // A domain of its own does not depend on the others.
      const { domains, externalAccount, ...rest } = settings;
      const facts = JSON.stringify([rest, externalAccount?.keyId, externalAccount?.key.toString('base64')]);
      for (const domain of domains) {
        const key = keyOf(settings, domain);
        if (this.#jobs.has(key)) continue;
        const kept = former.get(key);
        this.#jobs.set(key, kept?.facts === facts ? kept : { facts, job: this.#createJob(settings, domain) });
      }
    }
    const running = new Set([...this.#jobs.values()].map(({ job }) => job));
    for (const { job } of former.values()) if (!running.has(job)) job.stop();
    for (const job of running) job.start();
  }

  /** The answer to a challenge over HTTP; null if there is none. */
  answer(token: string): string | null {
    for (const storage of this.#storages.values()) {
      const answer = storage.readChallenge(token);
      if (answer !== null) return answer;
    }
    return null;
  }

  /** The certificate that answers a challenge over TLS for a host name; null if there is none. */
  answerTls(name: string): { cert: string; key: string } | null {
    for (const storage of this.#storages.values()) {
      const authorization = storage.readTlsChallenge(name);
      if (authorization !== null) return createChallengeCertificate(name, authorization);
    }
    return null;
  }

  get states(): CertificateState[] {
    return [...this.#jobs.values()].map(({ job: { domain, certificate, failures } }) => ({
      domain,
      validTo: certificate === null ? null : new Date(certificate.parsed.validTo),
      failures,
    }));
  }

  stop(): void {
    for (const { job } of this.#jobs.values()) job.stop();
    this.#jobs.clear();
  }

  #createJob(settings: AcmeSettings, domain: string): CertificateJob {
    const listener: JobListener = {
      onEvent: (event) => {
        if (event.type === 'obtained') this.obtained += 1;
        else this.failed += 1;
        this.#listener.onEvent(event);
      },
      onCertificate: () => this.#listener.onChange(),
    };
    return new CertificateJob(settings, domain, listener, this.#obtains);
  }
}
