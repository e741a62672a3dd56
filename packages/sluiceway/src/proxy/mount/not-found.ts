import { SluicewayError } from '../../errors.js';
import type { HandleContext } from '../messages/handle-context.js';
import type { Handler } from '../messages/handler.js';
import { resolveSelectedOptions } from '../options/proxy-settings.js';
import { ReverseProxy } from '../proxy.js';
import type { Observer } from '../transfer/transfer-record.js';

/** Options of `mount` and `stripPrefix`. */
export interface MountOptions {
  /** Notified of requests for which no handler is mounted. They get 404. Default: none. */
  observers?: readonly Observer[];
}

/**
 * Creates a handler that answers all requests with 404 like a proxy's failures: with records, timeouts and
 * `Proxy-Status`.
 */
export function createNotFound({
  observers,
}: MountOptions = {}): Required<Pick<Handler, 'handle' | 'serve' | 'upgrade'>> {
  const settings = resolveSelectedOptions({ ...(observers !== undefined && { observers }) }, 'mount');
  const proxy = new ReverseProxy(settings, { select: () => Promise.reject(notFound()) });
  // There is no handler for which a framework could answer.
  const answering = (context: HandleContext = {}): HandleContext => ({ ...context, errors: 'answer' });
  return {
    handle: (request, response, context) => proxy.handle(request, response, answering(context)),
    serve: (client, context) => proxy.serve(client, answering(context)),
    upgrade: (request, duplex, head, context) => proxy.upgrade(request, duplex, head, answering(context)),
  };
}

const notFound = (): SluicewayError =>
  new SluicewayError('http_request_denied', 'No handler is mounted at this path', {
    status: 404,
    publicMessage: 'There is nothing at this path.',
  });
