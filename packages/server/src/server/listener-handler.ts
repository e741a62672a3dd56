import type { HandleContext, Handler } from 'sluiceway';
import { withChallenges } from '../acme/challenge-handler.js';
import type { ConfigValues } from '../config/options.js';
import { createHttpsRedirect } from '../routes/answers.js';
import { unnamedRoute } from '../routes/observed-route.js';
import { RouteHandler } from '../routes/route-handler.js';
import type { ObserversOf } from './compile.js';
import type { ListenerPlan } from './listener-plan.js';

const REDIRECT_ROUTE = 'https redirect';

/** The handler of a listener. */
export interface ListenerHandler {
  handler: Handler;
  /** The listener's own handler; null if requests go to the routes. */
  own: RouteHandler | null;
}

/** Returns the answer to a challenge of an authority by its token; null if there is none. */
export type AnswerChallenge = (token: string) => string | null;

/**
 * Creates what runs before the routes of a listener: the answers to challenges, a redirect to HTTPS, a field for all
 * responses. `answer` is null if no certificates are obtained.
 */
export function createListenerHandler(
  listener: ListenerPlan,
  router: Handler,
  values: ConfigValues,
  observersOf: ObserversOf,
  answer: AnswerChallenge | null,
): ListenerHandler {
  const made = createOwnHandler(listener, router, values, observersOf);
  if (answer === null || listener.tls !== null) return made;
  return { ...made, handler: withChallenges(made.handler, answer) };
}

function createOwnHandler(
  { redirect, hsts }: ListenerPlan,
  router: Handler,
  values: ConfigValues,
  observersOf: ObserversOf,
): ListenerHandler {
  if (redirect !== null) {
    const { access: _access, ...options } = values.defaults;
    const context = {
      defaults: options,
      access: undefined,
      observers: observersOf(unnamedRoute(REDIRECT_ROUTE)),
    };
    const proxy = createHttpsRedirect(redirect.status, redirect.port, context);
    const own = new RouteHandler(proxy, proxy, REDIRECT_ROUTE);
    return { handler: own, own };
  }
  return { handler: hsts === null ? router : withHsts(router, hsts), own: null };
}

/** Sets the field, and replaces that of the origin server: there must be only one (RFC 6797 section 7.1). */
function withHsts(handler: Handler, value: string): Handler {
  const add = (context: HandleContext = {}): HandleContext => ({
    ...context,
    onHead: (head) => {
      context.onHead?.(head);
      head.headers.set('Strict-Transport-Security', value);
    },
  });
  return {
    handle: (request, response, context) => handler.handle(request, response, add(context)),
    upgrade: (request, socket, head, context) => handler.upgrade(request, socket, head, add(context)),
  };
}
