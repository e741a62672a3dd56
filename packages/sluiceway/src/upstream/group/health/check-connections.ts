import { type AddressPolicy, allowedByAll } from '../../../net/address-policy.js';
import type { Transport } from '../../transport.js';

/** How the health checks of a group connect. */
export interface CheckSettings {
  /** The addresses that the group allows. */
  policy: AddressPolicy;
  /** Returns a transport that connects only to addresses that the policy allows. */
  connect(policy: AddressPolicy): Transport;
  /** Whether the transport serves the checks alone, and is closed with them. */
  isOwn: boolean;
}

/**
 * The connections of health checks. They lead only to addresses that the group and every proxy that uses it allow: a check
 * must not reach an address that a request of any of them may not.
 */
export class CheckConnections {
  readonly #settings: CheckSettings;
  readonly #guards: readonly AddressPolicy[];
  #current: { policy: AddressPolicy; transport: Transport } | null = null;

  /** `guards` are those of the proxies, and may change. */
  constructor(settings: CheckSettings, guards: readonly AddressPolicy[]) {
    this.#settings = settings;
    this.#guards = guards;
  }

  /** Those that are allowed now. */
  get policy(): AddressPolicy {
    return this.#connect().policy;
  }

  get transport(): Transport {
    return this.#connect().transport;
  }

  /** The guards have changed. Connections that were opened before are not used again. */
  changed(): void {
    if (this.#settings.isOwn) void this.#current?.transport.close();
    this.#current = null;
  }

  destroy(): void {
    if (this.#settings.isOwn) this.#current?.transport.destroy();
    this.#current = null;
  }

  #connect(): { policy: AddressPolicy; transport: Transport } {
    if (this.#current !== null) return this.#current;
    const policy = allowedByAll([this.#settings.policy, ...this.#guards]);
    this.#current = { policy, transport: this.#settings.connect(policy) };
    return this.#current;
  }
}
