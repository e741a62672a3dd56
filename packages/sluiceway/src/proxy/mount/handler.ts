import type { ClientExchange } from '../../downstream/exchange.js';
import { Http1Exchange } from '../../downstream/http1/http1-exchange.js';
import { takeUpgrade } from '../../downstream/http1/http1-upgrade.js';
import { toClientExchange } from '../../downstream/to-exchange.js';
import type { Outcome } from '../../errors.js';
import { problemJson } from '../../http/problem.js';
import type { Checker } from '../../options/checker.js';
import type { Handler } from '../messages/handler.js';
import { frameOwnContent, toResponseHead } from '../response/answer.js';
import { isContentless } from '../response/respond.js';

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
  const { source } = frameOwnContent(head, content, contentless);
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
