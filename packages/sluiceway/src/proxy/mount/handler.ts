import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ClientExchange, ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import { Http1Exchange } from '../../downstream/http1/http1-exchange.js';
import { takeUpgrade } from '../../downstream/http1/http1-upgrade.js';
import { toClientExchange } from '../../downstream/to-exchange.js';
import type { Outcome } from '../../errors.js';
import { problemJson } from '../../http/problem.js';
import type { Checker } from '../../options/checker.js';
import { frameOwnContent, toResponseHead } from '../response/answer.js';
import type { HandleContext } from '../request/request-state.js';
import { isContentless } from '../response/respond.js';

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

export function checkHandler(check: Checker, path: string, handler: Handler): void {
  const methods: unknown[] = [handler?.handle, handler?.upgrade];
  if (!methods.every((method) => typeof method === 'function'))
    check.problem(path, 'must be a proxy, or what stripPrefix or mount returned');
}

/** Answers 404 for all of its requests: there is no proxy for them. */
export const notFound: Handler & Required<Pick<Handler, 'serve'>> = {
  serve: answerNotFound,
  async handle(request, response) {
    return answerNotFound(toClientExchange(request, response));
  },
  async upgrade(request, duplex, head) {
    const upgrade = await takeUpgrade(request, duplex, head, (again, response) =>
      answerNotFound(toClientExchange(again, response)),
    );
    if (typeof upgrade === 'string') return upgrade;
    return answerNotFound(new Http1Exchange(request, upgrade.response, upgrade));
  },
};

/** A request that is not valid is answered too, and its connection closed: nobody knows what comes behind it. */
function mayHaveContent(client: ClientExchange): boolean {
  try {
    const { framing } = client.readHead();
    return framing.kind !== 'none' && !(framing.kind === 'length' && framing.length === 0);
  } catch {
    return true;
  }
}

async function answerNotFound(client: ClientExchange): Promise<Outcome> {
  const content = problemJson(404, 'There is nothing at this path.');
  const head = toResponseHead({ status: 404, fields: { 'Content-Type': 'application/problem+json' } });
  const contentless = isContentless(client.method, 404);
  const source = frameOwnContent(head, content, contentless);
  const closed = new Promise<void>((resolve) => client.onClose(resolve));
  client.sendHead(head, { leavesContentUnread: mayHaveContent(client), isLast: false });
  if (contentless) client.endWithoutContent();
  else
    source.start(
      client.contentSink(
        () => null,
        () => {},
        () => client.destroy(),
      ),
    );
  await closed;
  client.finish();
  return client.isDelivered ? 'rejected' : 'client_aborted';
}
