import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { Checker } from '../../options/checker.js';
import type { HandleContext } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { checkHandler } from '../../proxy/mount/handler.js';
import { toFrameworkError } from './framework-error.js';

/** Options of the functions that convert a handler to a framework's. */
export interface AdapterOptions {
  /**
   * What happens to a failure before the response has begun. `throw`: it goes to the framework's error handler, with
   * `status` and a message that clients may read. `answer`: the proxy answers. Default `throw`, because an application
   * answers all its errors there. Without a framework, nothing else would answer, so the default is `answer`.
   */
  errors?: 'throw' | 'answer';
  /**
   * Whether to restore request content that a body parser has read before the proxy: JSON and forms are serialized
   * again, bytes are sent unchanged, and anything else is refused. Default false: such a request gets 500, because
   * content should reach the proxy unread.
   */
  reuseParsedBody?: boolean;
}

/** Checked values of `AdapterOptions`. */
export interface AdapterSettings {
  errors: 'throw' | 'answer';
  reusesParsedBody: boolean;
}

const OPTIONS = ['errors', 'reuseParsedBody'] as const satisfies readonly (keyof AdapterOptions)[];

/** Throws an `OptionsError` that lists every problem. `more` checks the additional options of a framework's adapter. */
export function resolveAdapter(
  subject: string,
  handler: Handler,
  options: AdapterOptions,
  more: readonly string[] = [],
): AdapterSettings {
  const check = new Checker(subject);
  checkHandler(check, 'handler', handler);
  check.unknownKeys('', options, [...OPTIONS, ...more]);
  const settings = {
    errors: check.oneOf('errors', options.errors, ['throw', 'answer'], 'throw'),
    reusesParsedBody: check.boolean('reuseParsedBody', options.reuseParsedBody, false),
  };
  check.throwIfAny();
  return settings;
}

/** Serves one request from a framework: see `guardResponse`. */
export function serve<Context>(
  handler: Handler<Context>,
  request: ClientRequest,
  response: ClientResponse,
  context: HandleContext<Context>,
): Promise<Outcome> {
  tellListener(handler, request);
  return guardResponse(request, response, context, (known) => handler.handle(request, response, known));
}

/**
 * Calls `respond`, unless other code has begun the response, which is then left alone. Rejects with an error for the
 * framework's error handler while nothing is written, and never afterwards.
 */
export async function guardResponse<Context>(
  request: ClientRequest,
  response: ClientResponse,
  context: HandleContext<Context>,
  respond: (context: HandleContext<Context>) => Promise<Outcome>,
): Promise<Outcome> {
  if (response.headersSent) {
    warnOfAnswered(request);
    return 'internal';
  }
  let answer: ReadonlyFields | undefined;
  const onThrow: HandleContext['onThrow'] = ({ headers }) => void (answer = headers);
  try {
    return await respond({ ...context, onThrow });
  } catch (error) {
    throw toFrameworkError(error, answer);
  }
}

/** A gateway must not request itself, and a framework's listeners are known only from its requests. */
function tellListener(handler: Handler, { socket }: ClientRequest): void {
  if (handler.listensOn === undefined) return;
  const { localAddress, localPort } = socket;
  if (localAddress !== undefined && localPort !== undefined) handler.listensOn(localAddress, localPort);
}

function warnOfAnswered(request: ClientRequest & { originalUrl?: string }): void {
  const { method, url = '', originalUrl = url } = request;
  process.emitWarning(
    `A request reached the proxy after something else had begun its response: ${method} ${originalUrl.replace(/\?.*/s, '?…')}`,
    'SluicewayAnsweredWarning',
  );
}

/** Reports whether an application's shutdown can drain a handler: a proxy or a gateway, but not what wraps them. */
export const isClosable = (handler: object): handler is { close(): Promise<void> } =>
  'close' in handler && typeof handler.close === 'function';
