import { type Egress, parseEgress, readEgressEnvironment } from '../../net/egress.js';
import type { Checker } from '../../options/checker.js';

/**
 * The proxy that connections to origin servers go through. It looks names up and connects, so there
 * would be nobody to see that an address is public; and no other client than ours knows of it.
 */
export function resolveEgress(
  check: Checker,
  path: string,
  proxy: string | URL | undefined,
  options: { addresses: 'any' | 'public'; transport: unknown },
): Egress | undefined {
  if (proxy !== undefined && options.addresses === 'public') {
    check.problem(
      path,
      "needs addresses: 'any': the proxy looks names up and connects, so nobody could judge the addresses",
    );
  }
  if (proxy !== undefined && options.transport !== undefined)
    check.problem(path, 'must not be given together with transport, which connects as it likes');
  return check.parsed(path, proxy, undefined, (given) => {
    if (typeof given !== 'string' && !(given instanceof URL))
      throw new TypeError(`must be a URL or 'environment', not ${typeof given}`);
    return given === 'environment' ? readEgressEnvironment(process.env) : parseEgress(given);
  });
}
