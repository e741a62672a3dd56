import type { ClientExchange } from '../downstream/exchange.js';
import type { Admission } from './admission.js';
import type { DownstreamRequest } from './downstream-request.js';
import type { Plan } from './plan.js';
import type { Transfer } from './transfer.js';

/** How a request reached the proxy, beside the request itself. */
export interface HandleContext {
  /** The client waits for `100 Continue`, and Node has not said it (a `checkContinue` event). Default false. */
  awaitsContinue?: boolean;
  /**
   * The request-target to go by in place of the request's own, which stays as it is: what `stripPrefix` has left of
   * it. In origin-form or absolute-form.
   */
  target?: string;
  /** The path prefix that was taken off, for responses that name a place on this server. Default none. */
  mountPath?: string;
  /** The exact URL to ask for, in place of the upstream and the request's own path. */
  url?: string | URL;
}

/** What one request carries through the data path. */
export interface Passage {
  readonly transfer: Transfer;
  readonly client: ClientExchange;
  readonly context: HandleContext;
  /** Null until the request has been read. */
  downstream: DownstreamRequest | null;
  /** Null until the request has been admitted. */
  admission: Admission | null;
  /** Null but for a gateway's request, and until it is made. */
  plan: Plan | null;
}
