import { SluicewayError } from '../errors.js';
import { type BaseTarget, parseBaseTarget } from '../http/target.js';
import { classifyAddress } from '../net/address-class.js';
import type { AddressPolicy } from '../net/address-policy.js';
import { resolveGuard } from '../net/guard.js';
import type { GuardOptions } from '../net/guard-options.js';
import { Checker } from '../options/checker.js';

/** What a URL that somebody else has chosen may lead to, for programs that connect by themselves. */
export interface PublicOnly {
  /** To be asked for each address before it is connected to. */
  readonly policy: AddressPolicy;
  /**
   * Why a URL may not be asked for, or null. Nothing is looked up: of a URL with a name this says nothing about its
   * addresses, which `policy` has to be asked for when they are known.
   */
  judge(url: string | URL): SluicewayError | null;
}

/**
 * The guard of the gateway as plain questions and answers. By default public addresses at the ports 80 and 443. Throws an
 * `OptionsError` with every problem.
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
