import { type ListenerAddress, readListener } from '../../net/own-listeners.js';

/**
 * Where Node's own message is on hosts of `Request` and `Response` that run on it, as paths from what they pass:
 * `@hono/node-server` (`{ incoming }`), Hono's context, h3, SvelteKit with adapter-node, frameworks on Express; from the
 * request, srvx.
 */
const IN_HOST = [['incoming'], ['env', 'incoming'], ['node', 'req'], ['platform', 'req'], ['req']] as const;
const IN_REQUEST = [
  ['runtime', 'node', 'req'],
  ['node', 'req'],
] as const;

/** The listener that has accepted the connection of a request; null on hosts that do not show the connection. */
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
    // A getter of the host's own: it shows nothing.
    return null;
  }
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
