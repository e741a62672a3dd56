import type { AccessRequest } from '../../access/policy.js';

/** The client's request as received. It never changes: the request to the origin server is a separate draft. */
export interface DownstreamRequest<Context = unknown> extends AccessRequest {
  /** The id that the client and the origin server get: see the option `requestId`. Without the option, `id`. */
  readonly requestId: string;
  /**
   * The `context` that the application passed to `handle`, such as a framework's request. Undefined if there is none.
   */
  readonly context: Context;
  /** The identity that the `access` policy found. Null without a policy, or if the policy found no identity. */
  readonly identity: string | null;
  /** Query without the question mark, after the access policy has removed its credentials. Null if there is none. */
  readonly query: string | null;
  /** Whether the client requested exactly `mountPath`, without a slash after it. `path` is then `/`. */
  readonly isMountPoint: boolean;
}
