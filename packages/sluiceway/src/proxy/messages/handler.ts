import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientExchange, ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import type { HandleContext } from './handle-context.js';

/** What `attach` serves: a proxy, or what `stripPrefix` and `mount` make of proxies. */
export interface Handler<Context = unknown> {
  /** Serves one request; resolves with the outcome once the response has ended. */
  handle(
    request: ClientRequest,
    response: ClientResponse,
    context?: HandleContext<Context>,
  ): Promise<Outcome>;
  /**
   * Serves a request that no server of Node's has read: what `sluiceway/fetch` needs. A handler without it serves
   * Node's requests only.
   */
  serve?(client: ClientExchange, context?: HandleContext<Context>): Promise<Outcome>;
  /** Told by `attach` of each listener of the server, where that matters: a gateway does not fetch from itself. */
  listensOn?(address: string, port: number): void;
  /** Serves a request that wants another protocol, as Node's `upgrade` event hands it over. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context?: HandleContext<Context>,
  ): Promise<Outcome>;
}
