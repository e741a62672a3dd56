import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientExchange, ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import type { HandleContext } from './handle-context.js';

/** What `attach` serves: a proxy, or the result of `stripPrefix` or `mount`. */
export interface Handler<Context = unknown> {
  /** Serves one request. Resolves with the outcome when the response has ended. */
  handle(
    request: ClientRequest,
    response: ClientResponse,
    context?: HandleContext<Context>,
  ): Promise<Outcome>;
  /**
   * Serves a request that does not come from a Node server. `sluiceway/fetch` requires this method. A handler without
   * it serves only Node's requests.
   */
  serve?(client: ClientExchange, context?: HandleContext<Context>): Promise<Outcome>;
  /** Called by `attach` for each listener of the server. A gateway uses it to refuse requests to itself. */
  listensOn?(address: string, port: number): void;
  /** Serves a request to switch protocols, from Node's `upgrade` event. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context?: HandleContext<Context>,
  ): Promise<Outcome>;
}
