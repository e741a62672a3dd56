import { type AddressPolicy, anyAddress } from '../../net/address-policy.js';
import { publicAddressesOfOthers } from '../../net/own-listeners.js';
import type { UpstreamGroup } from '../../upstream/group/group.js';

/** The policy of the option `addresses`. */
export const toPolicy = (addresses: 'any' | 'public'): AddressPolicy =>
  addresses === 'public' ? publicAddressesOfOthers : anyAddress;

/** Tells the groups that a proxy uses which addresses it allows, so that health checks reach no others. */
export class GroupGuards {
  readonly #policy: AddressPolicy;
  readonly #ends = new Map<UpstreamGroup, () => void>();

  constructor(policy: AddressPolicy) {
    this.#policy = policy;
  }

  /** The proxy uses the group. Can be called again. */
  use(group: UpstreamGroup): void {
    if (this.#policy !== anyAddress && !this.#ends.has(group))
      this.#ends.set(group, group.guard(this.#policy));
  }

  /** The proxy is closed. */
  end(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }
}
