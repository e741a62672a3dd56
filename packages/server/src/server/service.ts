import type { RunningTransfer } from 'sluiceway';
import type { AcmeEvent } from '../acme/certificate-job.js';
import { AcmeCertificates } from '../acme/certificates.js';
import type { AcmeSettings } from '../acme/settings.js';
import type { ReloadChanges } from '../admin/control.js';
import { formatAddress, ListenError } from '../listeners/address.js';
import { closeAll } from '../listeners/close-all.js';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import { Listener, type ListenerSettings } from '../listeners/listener.js';
import type { RouteHandler } from '../routes/route-handler.js';
import { compareRoutes } from './compare-routes.js';
import type { ObserversOf, Plan } from './compile.js';
import { createListenerHandler } from './listener-handler.js';
import { keyOf, sharedAddress } from './listener-key.js';
import type { ListenerPlan } from './listener-plan.js';
import { passOn } from './pass-on.js';

export interface ServiceOptions {
  observersOf: ObserversOf;
  onConnectionFailure: OnConnectionFailure;
  /** Called when a certificate was obtained by ACME, and when that failed. */
  onCertificate: (event: AcmeEvent) => void;
  /** Whether certificates are obtained, or only used as another process stores them. Default true. */
  obtainsCertificates?: boolean;
  /** Of a worker, whose listeners are shared with others: see `Configuration.ports`. */
  shared?: { portOf: (key: string) => number | undefined };
}

/** A prepared configuration. Exactly one of the two is called. */
export interface ServiceChange {
  /** Serves the configuration from now on. Cannot fail. */
  apply(): ReloadChanges;
  cancel(): void;
}

interface Open {
  listener: Listener;
  settings: ListenerSettings;
  /** The listener's own redirect. */
  own: RouteHandler | null;
}

/**
 * Serves a configuration, and can replace it. Listeners and routes that stay the same are kept. Running transfers keep
 * their routes, and new requests get the new ones.
 */
export class Service {
  readonly #options: ServiceOptions;
  #plan: Plan;
  /** By address. */
  #open = new Map<string, Open>();
  /** Handlers that get no more requests, and listeners that accept no more connections, until they have ended. */
  readonly #retired = new Set<RouteHandler>();
  readonly #closing = new Set<Listener>();
  /** The certificates that are obtained by ACME. */
  readonly certificates: AcmeCertificates;

  private constructor(plan: Plan, options: ServiceOptions) {
    this.#plan = plan;
    this.#options = options;
    const listener = { onEvent: options.onCertificate, onChange: () => this.#renewCertificates() };
    this.certificates = new AcmeCertificates(listener, options.obtainsCertificates);
  }

  /** Opens all listeners. On failure rejects with the error of the plan's source or a `ListenError`, and closes all. */
  static async start(plan: Plan, options: ServiceOptions): Promise<Service> {
    const service = new Service(plan, options);
    try {
      service.#open = await service.#openNew(plan);
    } catch (error) {
      for (const handler of service.#handlersOf(plan)) handler.destroy();
      throw error;
    }
    service.#teach();
    service.certificates.apply(acmeOf(plan));
    return service;
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** The URL of each listener, in the order of the configuration. */
  get urls(): string[] {
    return [...this.#open.values()].map(({ listener }) => listener.url);
  }

  /** The number of open connections of clients. */
  get connections(): number {
    return this.#listeners().reduce((sum, { connections }) => sum + connections, 0);
  }

  /** The number of running requests. */
  get active(): number {
    return this.handlers().reduce((sum, { running }) => sum + running, 0);
  }

  /** The running transfers of all routes. */
  transfers(): RunningTransfer[] {
    return this.handlers().flatMap((handler) => handler.transfers());
  }

  /** Opens the new listeners of another configuration. If one cannot be opened, rejects and changes nothing. */
  async prepare(plan: Plan): Promise<ServiceChange> {
    const opened = await this.#openNew(plan).catch((error: unknown) => {
      this.discard(plan);
      throw error;
    });
    return {
      apply: () => this.#replace(plan, opened),
      cancel: () => {
        for (const { listener, own } of opened.values()) {
          listener.destroy();
          own?.destroy();
        }
        this.discard(plan);
      },
    };
  }

  #replace(plan: Plan, opened: ReadonlyMap<string, Open>): ReloadChanges {
    const previous = this.#plan;
    const before = this.#handlersOf(previous);
    const open = new Map<string, Open>();
    const former = [...this.#open.values()].flatMap(({ own }) => (own === null ? [] : [own]));
    for (const each of plan.listeners) {
      const key = keyOf(each);
      const fresh = opened.get(key);
      const kept = this.#open.get(key);
      if (fresh !== undefined) open.set(key, fresh);
      else if (kept !== undefined) {
        const { settings, own } = this.#settingsOf(plan, each);
        kept.listener.update(settings, each.mode);
        open.set(key, { listener: kept.listener, settings, own });
      }
    }
    const gone = [...this.#open].filter(([key]) => !open.has(key)).map(([, { listener }]) => listener);
    this.#open = open;
    this.#plan = plan;
    plan.routes.adopt();
    this.certificates.apply(acmeOf(plan));
    this.#teach();
    for (const listener of gone) this.#close(listener);
    for (const handler of [...passOn(before, this.#handlersOf(plan)), ...former]) this.#retire(handler);
    return {
      listeners: {
        opened: Array.from(opened.values(), ({ listener }) => listener.url),
        closed: gone.map(({ options: { address } }) => formatAddress(address)),
      },
      routes: compareRoutes(previous, plan),
    };
  }

  /** Releases a plan that does not take effect. */
  discard(plan: Plan): void {
    const kept = new Set(this.#handlersOf(this.#plan));
    for (const handler of this.#handlersOf(plan)) if (!kept.has(handler)) handler.destroy();
  }

  /**
   * Stops gracefully: accepts no more connections, closes idle ones, and gives running transfers `timeoutMs` to end. Then
   * cuts the others off. Resolves when every connection is closed, with the number of transfers that were cut off.
   */
  async drain(timeoutMs: number): Promise<number> {
    this.certificates.stop();
    const listeners = [...this.#listeners()];
    const handlers = this.handlers();
    const { closed, settled } = closeAll(listeners);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'timeout');
    });
    // Handlers refuse requests once they are closed.
    const ended = settled.then(() => Promise.all(handlers.map((handler) => handler.close())));
    const done = Promise.all([closed, ended]);
    const winner = await Promise.race([done, timeout]);
    clearTimeout(timer);
    if (winner !== 'timeout') return 0;
    const cut = this.active;
    this.destroy();
    await closed;
    return cut;
  }

  /** Ends everything now. */
  destroy(): void {
    this.certificates.stop();
    for (const handler of this.handlers()) handler.destroy();
    for (const listener of this.#listeners()) listener.destroy();
  }

  /** Opens the listeners of a plan that are not open yet. If one fails, closes the others again. */
  async #openNew(plan: Plan): Promise<Map<string, Open>> {
    const opened = new Map<string, Open>();
    let current: ListenerPlan | null = null;
    try {
      for (const each of plan.listeners) {
        current = each;
        const key = keyOf(each);
        if (this.#open.has(key)) continue;
        const { settings, own } = this.#settingsOf(plan, each);
        const { mode } = each;
        const { shared } = this.#options;
        const address = sharedAddress(each.address, shared?.portOf(key));
        const listener = new Listener(
          {
            address,
            mode,
            isShared: shared !== undefined,
            onConnectionFailure: this.#options.onConnectionFailure,
          },
          settings,
        );
        opened.set(key, { listener, settings, own });
        await listener.open();
      }
      return opened;
    } catch (error) {
      for (const { listener, own } of opened.values()) {
        listener.destroy();
        own?.destroy();
      }
      if (current === null || !(error instanceof ListenError)) throw error;
      throw plan.source.toListenError?.(`${current.path}.address`, error) ?? error;
    }
  }

  #settingsOf(plan: Plan, listener: ListenerPlan): { settings: ListenerSettings; own: RouteHandler | null } {
    const { router } = plan.routes;
    const answer = acmeOf(plan).length === 0 ? null : (token: string) => this.certificates.answer(token);
    const made = createListenerHandler(listener, router, plan.values, this.#options.observersOf, answer);
    const { protocol, proxyProtocol } = listener;
    const tls = this.#tlsOf(listener);
    return { settings: { tls, protocol, proxyProtocol, handler: made.handler }, own: made.own };
  }

  /** The TLS settings of a listener, with the certificates that have been obtained so far. */
  #tlsOf({ tls }: ListenerPlan): ListenerSettings['tls'] {
    if (tls === null || tls.acme === null) return tls?.settings ?? null;
    const obtained = this.certificates.find(tls.acme);
    const isAwaited = (name: string): boolean =>
      !obtained.some(({ parsed }) => parsed.checkHost(name) === name);
    return {
      ...tls.settings,
      certificates: [...tls.settings.certificates, ...obtained],
      awaited: tls.acme.domains.filter(isAwaited),
      ...(tls.acme.challenge === 'tls-alpn-01' && {
        answerChallenge: (name: string) => this.certificates.answerTls(name),
      }),
    };
  }

  /** Has the listeners serve the certificates that exist now. Open connections keep theirs. */
  #renewCertificates(): void {
    for (const each of this.#plan.listeners) {
      const open = this.#open.get(keyOf(each));
      if (open === undefined || each.tls === null || each.tls.acme === null) continue;
      open.settings = { ...open.settings, tls: this.#tlsOf(each) };
      open.listener.update(open.settings, each.mode);
    }
  }

  /** Tells gateways the addresses of this process, so that they do not fetch from it. */
  #teach(): void {
    for (const { listener } of this.#open.values()) {
      const { bound } = listener;
      if (bound === null) continue;
      for (const { handler } of this.#plan.routes.routes) handler.listensOn(bound.address, bound.port);
    }
  }

  #close(listener: Listener): void {
    this.#closing.add(listener);
    void listener.close().then(() => this.#closing.delete(listener));
  }

  #retire(handler: RouteHandler): void {
    this.#retired.add(handler);
    void handler.retire().then(() => this.#retired.delete(handler));
  }

  #handlersOf({ routes: { routes, unrouted } }: Plan): RouteHandler[] {
    return [...routes.map(({ handler }) => handler), unrouted];
  }

  /** All handlers, with those that get no more requests. */
  handlers(): RouteHandler[] {
    const own = [...this.#open.values()].flatMap((each) => (each.own === null ? [] : [each.own]));
    return [...this.#handlersOf(this.#plan), ...own, ...this.#retired];
  }

  #listeners(): Listener[] {
    return [...[...this.#open.values()].map(({ listener }) => listener), ...this.#closing];
  }
}

/** The ACME settings of a plan. Listeners that share the top-level `tls` share theirs. */
const acmeOf = ({ listeners }: Plan): AcmeSettings[] => [
  ...new Set(listeners.flatMap(({ tls }) => tls?.acme ?? [])),
];
