import { type Egress, parseEgress, readEgressEnvironment } from '../../net/egress.js';
import type { Checker } from '../../options/checker.js';
import { custom } from '../../options/kinds.js';

/** The proxy through which origin servers are reached. */
export const egressOption = custom<string | URL, Egress | undefined>({
  type: "URL or `'environment'`",
  doc: "HTTP proxy through which origin servers are reached (CONNECT): see [through an egress proxy](#through-an-egress-proxy). An http: or https: URL, with user name and password if the proxy asks for them, or `'environment'` for the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY. It needs `addresses: 'any'`, because the other proxy connects. The environment is not read by default: the origin servers of a reverse proxy are usually near, and a variable that was set for downloads must not send its requests elsewhere.",
  schema: { type: 'string', minLength: 1 },
  read: (check, path, value) =>
    check.parsed(path, value, undefined, (given) => {
      if (typeof given !== 'string' && !(given instanceof URL))
        throw new TypeError(`must be a URL or 'environment', not ${typeof given}`);
      return given === 'environment' ? readEgressEnvironment(process.env) : parseEgress(given);
    }),
});

/**
 * The egress proxy resolves names and connects, so this process cannot check that an address is public. Only the
 * built-in client supports it.
 */
export function checkEgress(
  check: Checker,
  path: string,
  options: { isGiven: boolean; addresses: 'any' | 'public'; transport: unknown },
): void {
  if (!options.isGiven) return;
  if (options.addresses === 'public') {
    check.problem(
      path,
      "requires addresses: 'any': the proxy resolves names and connects, so addresses cannot be checked",
    );
  }
  if (options.transport !== undefined)
    check.problem(path, 'must not be given together with transport, which opens its own connections');
}
