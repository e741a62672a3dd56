import type { AccessRequest } from '../../access/policy.js';

/** The client's request as it came. It never changes; what is sent on is a draft of its own. */
export interface DownstreamRequest<Context = unknown> extends AccessRequest {
  /** What the application gave to `handle` as `context`, such as a framework's request; undefined where it gave none. */
  readonly context: Context;
  /** Who sent it, as the option `access` has found; null where there is none, or it names nobody. */
  readonly identity: string | null;
  /** Query without the question mark; null where there is none. Without what the policy has taken off it. */
  readonly query: string | null;
  /** Whether the client asked for exactly `mountPath`, without a slash after it. `path` is `/` then. */
  readonly isMountPoint: boolean;
}
