import { SluicewayError } from '../errors.js';
import { type BaseTarget, parseBaseTarget } from '../http/target.js';
import { classifyAddress } from '../net/address-class.js';
import type { AddressPolicy } from '../net/address-policy.js';
import { resolveGuard } from '../net/guard.js';
import type { GuardOptions } from '../net/guard-options.js';
import { Checker } from '../options/checker.js';

/** Checks URLs that others supply, for programs that connect by themselves. */
export interface PublicOnly {
  /** Checks an address. Call it for each address before you connect to it. */
  readonly policy: AddressPolicy;
  /**
   * Returns why a URL must not be requested, or null. Makes no DNS lookup: for a URL with a name, check its addresses
   * with `policy` once they are known.
   */
  judge(url: string | URL): SluicewayError | null;
}

/**
 * Creates the gateway's guard as plain functions. Default: public addresses, ports 80 and 443. Throws an `OptionsError`
 * that lists every problem.
 */
export function publicOnly(options: GuardOptions = {}): PublicOnly {
  const check = new Checker('publicOnly');
  const guard = resolveGuard(check, '', options);
  check.throwIfAny();
  const { policy } = guard;
  return {
    policy,
    judge(url) {
      let base: BaseTarget;
      try {
        base = parseBaseTarget(url);
      } catch (cause) {
        return new SluicewayError('http_request_error', 'The URL is not valid', { cause });
      }
      const { hostname, port, path } = base;
      const refused = guard.judge({ base, path: path === '' ? '/' : path });
      if (refused !== null || classifyAddress(hostname).class === 'invalid') return refused;
      const { allowed, reason } = policy.decide(hostname, port);
      return allowed ? null : new SluicewayError('destination_ip_prohibited', reason);
    },
  };
}
