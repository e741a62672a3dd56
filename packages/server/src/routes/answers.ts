import { type AccessPolicy, createProxy, type Observer, type ReverseProxy, SluicewayError } from 'sluiceway';
import {
  fileProxyOptions,
  serverDefaults,
  type WrittenOptions,
  withDefaults,
} from '../config/library-options.js';
import type { RedirectValues, RespondValues } from '../config/route-options.js';
import { normalizeHost } from './host-pattern.js';
import { withTracing } from './tracing.js';

type OnRequest = NonNullable<Parameters<typeof createProxy>[0]['onRequest']>;

interface AnswerContext {
  defaults: WrittenOptions;
  access: AccessPolicy | undefined;
  observers: readonly Observer[];
}

/** A proxy that answers itself. Its answers are logged, limited and framed like any other. Throws an `OptionsError`. */
function createAnswering({ defaults, access, observers }: AnswerContext, onRequest: OnRequest): ReverseProxy {
  return createProxy({
    ...withTracing(withDefaults(fileProxyOptions, { ...serverDefaults, ...defaults }, {})),
    ...(access !== undefined && { access }),
    observers,
    onRequest,
  });
}

export function createRedirect(
  { to = '/', status }: RedirectValues,
  prefix: string,
  context: AnswerContext,
): ReverseProxy {
  return createAnswering(context, ({ request }) => {
    const path = request.path.startsWith('/') ? request.path : '/';
    const parts: Readonly<Record<string, string>> = {
      host: normalizeHost(request.host ?? ''),
      path,
      rest: path.startsWith(prefix) ? path.slice(prefix.length) : path,
      query: request.query === null ? '' : `?${request.query}`,
    };
    if (to.includes('{host}') && parts['host'] === '') throw withoutHost();
    const location = to.replaceAll(/\{(host|path|rest|query)\}/g, (_, name: string) => parts[name] ?? '');
    return { status, headers: { Location: onThisSite(to, location) } };
  });
}

/** Prevents that a path becomes the URL of another site, as `//other.example` would. */
const onThisSite = (to: string, location: string): string =>
  to.startsWith('/') ? location.replace(/^[/\\]+/, '/') : location;

export function createRespond(
  { status, headers, content }: RespondValues,
  context: AnswerContext,
): ReverseProxy {
  const hasType = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'content-type');
  return createAnswering(context, () => ({
    status,
    headers: {
      ...(content !== undefined && !hasType && { 'Content-Type': 'text/plain; charset=utf-8' }),
      ...headers,
    },
    ...(content !== undefined && { content }),
  }));
}

/** Reports whether this server is ready for requests. */
export type ReadinessSource = () => { readonly ready: boolean };

/** Answers health probes. Says nothing but the status, since the route is public. */
export const createHealth = (
  kind: 'live' | 'ready',
  readiness: ReadinessSource,
  context: AnswerContext,
): ReverseProxy =>
  createAnswering(context, () => {
    const isWell = kind === 'live' || readiness().ready;
    const status = kind === 'live' ? 'ok' : isWell ? 'ready' : 'not ready';
    return {
      status: isWell ? 200 : 503,
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
      content: `${JSON.stringify({ status })}\n`,
    };
  });

/** Sends clients to the same URL with `https:`. */
export function createHttpsRedirect(status: number, port: number, context: AnswerContext): ReverseProxy {
  return createAnswering(context, ({ request }) => {
    const host = normalizeHost(request.host ?? '');
    if (host === '') throw withoutHost();
    const path = request.path.startsWith('/') ? request.path : '/';
    const query = request.query === null ? '' : `?${request.query}`;
    return {
      status,
      headers: { Location: `https://${host}${port === 443 ? '' : `:${port}`}${path}${query}` },
    };
  });
}

const withoutHost = (): SluicewayError =>
  new SluicewayError('http_request_error', 'A redirect needs the host of the request', {
    publicMessage: 'The request has no host.',
  });

/** Answers requests without a matching route. The `context` selects the error. */
export const createUnrouted = (context: AnswerContext): ReverseProxy =>
  createAnswering(context, ({ request }) => {
    throw request.context;
  });

export const unrouted = {
  none: new SluicewayError('http_request_denied', 'No route is for this request', {
    status: 404,
    publicMessage: 'There is nothing at this URL.',
  }),
  ambiguous: new SluicewayError('http_request_error', 'The path can be read as one of another route', {
    status: 400,
    publicMessage: 'The path can be read in several ways.',
  }),
  method: (allow: readonly string[]): SluicewayError =>
    new SluicewayError('http_request_denied', 'No route is for this method', {
      status: 405,
      publicMessage: 'The method is not allowed here.',
      headers: { Allow: allow.join(', ') },
    }),
};
