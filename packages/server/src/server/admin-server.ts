import { createAdminHandler } from '../admin/admin-handler.js';
import type { Endpoint } from '../admin/endpoint.js';
import type { AdminSession } from '../admin/session.js';
import { formatAddress, ListenError } from '../listeners/address.js';
import type { OnConnectionFailure } from '../listeners/connection-failure.js';
import { Listener, type ListenerSettings } from '../listeners/listener.js';
import { RouteHandler } from '../routes/route-handler.js';
import type { AdminPlan } from './admin-plan.js';
import type { Plan } from './compile.js';

interface Open {
  key: string;
  listener: Listener;
  handler: RouteHandler;
}

/** A prepared change of the admin listener. Exactly one of the two is called. */
export interface AdminChange {
  apply(): void;
  cancel(): void;
}

const noChange: AdminChange = { apply: () => {}, cancel: () => {} };

/** The admin listener, which a reload can open, change and close. */
export class AdminServer {
  readonly #endpoints: readonly Endpoint[];
  readonly #session: AdminSession;
  readonly #onConnectionFailure: OnConnectionFailure;
  #open: Open | null = null;

  constructor(
    endpoints: readonly Endpoint[],
    session: AdminSession,
    onConnectionFailure: OnConnectionFailure,
  ) {
    this.#endpoints = endpoints;
    this.#session = session;
    this.#onConnectionFailure = onConnectionFailure;
  }

  /** The URL of the listener; null if there is none. */
  get url(): string | null {
    return this.#open?.listener.url ?? null;
  }

  /**
   * Opens the listener of a plan, unless it is open. Rejects with the error of the plan's source or a `ListenError`.
   */
  async prepare({ admin, source }: Plan): Promise<AdminChange> {
    const before = this.#open;
    if (admin === null) return before === null ? noChange : this.#change(null, before);
    const handler = this.#createHandler(admin);
    const settings: ListenerSettings = { tls: null, protocol: 'auto', proxyProtocol: null, handler };
    const key = formatAddress(admin.address);
    if (before?.key === key) {
      return {
        apply: () => {
          before.listener.update(settings, admin.mode);
          this.#open = { ...before, handler };
          void before.handler.retire();
        },
        cancel: () => handler.destroy(),
      };
    }
    const { address, mode } = admin;
    const listener = new Listener(
      { address, mode, onConnectionFailure: this.#onConnectionFailure },
      settings,
    );
    try {
      await listener.open();
    } catch (error) {
      handler.destroy();
      throw error instanceof ListenError ? (source.toListenError?.('admin.address', error) ?? error) : error;
    }
    return this.#change({ key, listener, handler }, before);
  }

  /** Ends all requests and the listener. */
  destroy(): void {
    this.#open?.handler.destroy();
    this.#open?.listener.destroy();
    this.#open = null;
  }

  #change(next: Open | null, before: Open | null): AdminChange {
    return {
      apply: () => {
        this.#open = next;
        if (before === null) return;
        void before.listener.close();
        void before.handler.retire();
      },
      cancel: () => {
        next?.listener.destroy();
        next?.handler.destroy();
      },
    };
  }

  #createHandler({ address, hosts, access }: AdminPlan): RouteHandler {
    const proxy = createAdminHandler({
      endpoints: this.#endpoints,
      address,
      hosts,
      access,
      session: this.#session,
    });
    return new RouteHandler(proxy, proxy, 'admin');
  }
}
