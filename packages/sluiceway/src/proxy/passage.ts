import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Admission } from './admission.js';
import type { Transfer } from './transfer.js';

/** How a request reached the proxy, beside the request itself. */
export interface HandleContext {
  /** The client waits for `100 Continue`, and Node has not said it (a `checkContinue` event). Default false. */
  awaitsContinue?: boolean;
  /** The exact URL to ask for, in place of the upstream and the request's own path. */
  url?: string | URL;
}

/** What one request carries through the data path. */
export interface Passage {
  readonly transfer: Transfer;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly context: HandleContext;
  /** The bare socket of an `upgrade` event; null for an ordinary request. */
  readonly socket: Socket | null;
  /** Null until the request has been read. */
  admission: Admission | null;
}
