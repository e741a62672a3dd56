import { type ListenerAddress, readListener } from '../../net/own-listeners.js';

/**
 * Where hosts of `Request` and `Response` on Node keep Node's message, as paths in the host argument:
 * `@hono/node-server` (`{ incoming }`), Hono's context, h3, SvelteKit with adapter-node, frameworks on Express. For
 * srvx, it is in the request.
 */
const IN_HOST = [['incoming'], ['env', 'incoming'], ['node', 'req'], ['platform', 'req'], ['req']] as const;
const IN_REQUEST = [
  ['runtime', 'node', 'req'],
  ['node', 'req'],
] as const;

/** Returns the listener that accepted the connection of a request. Null on hosts that do not expose the connection. */
export function findHostListener(request: Request, host: unknown): ListenerAddress | null {
  for (const path of IN_HOST) {
    const found = listenerAt(host, path);
    if (found !== null) return found;
  }
  for (const path of IN_REQUEST) {
    const found = listenerAt(request, path);
    if (found !== null) return found;
  }
  return null;
}

function listenerAt(from: unknown, path: readonly string[]): ListenerAddress | null {
  try {
    let at = from;
    for (const name of [...path, 'socket']) at = memberOf(at, name);
    return typeof at === 'object' && at !== null ? readListener(at) : null;
  } catch {
    // The host's getter threw.
    return null;
  }
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
