import { AcmeClient } from './acme-client.js';
import { AcmeError } from './acme-error.js';
import { obtainCertificate } from './obtain.js';
import { renewalTime, retryPauseMs } from './schedule.js';
import type { AcmeSettings } from './settings.js';
import { AcmeStorage, type StoredCertificate } from './storage.js';

/** What became of a certificate. */
export type AcmeEvent =
  | { type: 'obtained'; domain: string; validTo: Date }
  | { type: 'failed'; domain: string; error: Error; retryMs: number };

export interface JobListener {
  onEvent(event: AcmeEvent): void;
  /** There is another certificate, from this process or another one. */
  onCertificate(): void;
}

/** How often the storage is checked for a certificate that another process has stored. */
const CHECK_MS = 60_000;

/** Keeps the certificate of one host name: obtains it, and renews it in time. */
export class CertificateJob {
  readonly domain: string;
  certificate: StoredCertificate | null = null;
  /** The number of failures since the last success. */
  failures = 0;
  readonly #settings: AcmeSettings;
  readonly #storage: AcmeStorage;
  readonly #listener: JobListener;
  readonly #obtains: boolean;
  readonly #abort = new AbortController();
  readonly #random = Math.random();
  #timer: NodeJS.Timeout | null = null;
  #isRunning = false;
  #loadedTime = 0;
  /** Not before this time, in milliseconds since 1970. */
  #notBefore = 0;

  /** `obtains`: whether this process obtains certificates. Otherwise it uses those that another one stores. */
  constructor(settings: AcmeSettings, domain: string, listener: JobListener, obtains = true) {
    this.domain = domain;
    this.#settings = settings;
    this.#listener = listener;
    this.#obtains = obtains;
    this.#storage = new AcmeStorage(settings.storage, settings.directory);
    try {
      this.#load();
    } catch {
      // The first run tells the listener.
    }
  }

  /** Starts, or looks at the storage again at once. A pause after a failure goes on. */
  start(): void {
    if (this.#isRunning) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#schedule(0);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#abort.abort();
  }

  /** Reads the storage. Returns whether there is another certificate than before. */
  #load(): boolean {
    const time = this.#storage.certificateTime(this.domain);
    if (time === this.#loadedTime) return false;
    const found = this.#storage.readCertificate(this.domain);
    this.#loadedTime = time;
    if (found === null) return false;
    this.certificate = found;
    return true;
  }

  get #isDue(): boolean {
    const { certificate } = this;
    return certificate === null || Date.now() >= renewalTime(certificate.parsed, this.#random);
  }

  #schedule(delayMs: number): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#run(), delayMs);
    this.#timer.unref();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    try {
      if (this.#load()) this.#adopt();
      if (this.#obtains && this.#isDue && Date.now() >= this.#notBefore) await this.#renew();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#fail(error as Error);
    } finally {
      this.#isRunning = false;
    }
    this.#schedule(CHECK_MS);
  }

  async #renew(): Promise<void> {
    this.#storage.prepare();
    const unlock = this.#storage.lock(this.domain);
    // Another process is at it, and stores what it gets.
    if (unlock === null) return;
    try {
      if (this.#load()) this.#adopt();
      if (!this.#isDue) return;
      const accountKey = this.#storage.accountKey();
      const client = new AcmeClient({ ...this.#settings, accountKey, signal: this.#abort.signal });
      await obtainCertificate(client, this.#storage, accountKey, this.domain, this.#settings.challenge);
      this.#load();
      this.#adopt();
      const { certificate } = this;
      if (certificate !== null)
        this.#listener.onEvent({
          type: 'obtained',
          domain: this.domain,
          validTo: new Date(certificate.parsed.validTo),
        });
    } finally {
      unlock();
    }
  }

  #adopt(): void {
    this.failures = 0;
    this.#notBefore = 0;
    this.#listener.onCertificate();
  }

  #fail(error: Error): void {
    this.failures += 1;
    const retryAfterMs = error instanceof AcmeError ? error.retryAfterMs : 0;
    const retryMs = retryPauseMs(this.failures, retryAfterMs, Math.random());
    this.#notBefore = Date.now() + retryMs;
    this.#listener.onEvent({ type: 'failed', domain: this.domain, error, retryMs });
  }
}
