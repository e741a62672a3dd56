import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluicewayError } from '../../errors.js';
import { formatTransferText } from '../../observe/transfer-log.js';
import type { Hooks } from '../../proxy/messages/hooks.js';
import { passThrough } from '../../proxy/options/profiles.js';
import type { SelectedProxyOptions } from '../../proxy/options/proxy-settings.js';
import type { TimeoutOptions } from '../../proxy/options/timeout-options.js';
import { Interception } from '../../proxy/response/interception.js';
import { isRewritten, rewriteLocation } from './location.js';
import { ProxyRequest, ProxyResponse } from './messages.js';
import type { CompatOptions } from './options.js';
import { nameOf } from './proxy-name.js';
import { ResponseInterception, toContentInterceptor } from './response-interceptor.js';
import { tlsOf } from './targets.js';

/** The middleware's data for a request. */
export interface CompatContext<Request, Response> {
  request: Request;
  /** Null for an upgrade. */
  response: Response | null;
  /** The target, with its path. */
  target: URL;
  /** Fields that `router` has set for this request. Null: those of the options. */
  headers: CompatOptions['headers'] | null;
  /** A body parser has read the content. Only `fixRequestBody` can restore it. */
  awaitsContent: boolean;
  /** The argument of `on.proxyReq`. Null before the call. */
  proxyRequest: ProxyRequest | null;
}

const FORWARDED = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'];
/** The defaults of `createProxy`, which `timeout` can shorten. */
const CONNECT_TIMEOUT_MS = 10_000;
const RESPONSE_TIMEOUT_MS = 60_000;

/** There is no upstream: `onRequest` chooses one for each request, or the request has an exact URL. */
export type CompatProxyOptions<Context> = SelectedProxyOptions<Context> & Pick<Hooks<Context>, 'onRequest'>;

/** Converts the options of http-proxy-middleware to those of a proxy. */
export function toProxyOptions<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): CompatProxyOptions<CompatContext<Request, Response>> {
  const { on = {}, followRedirects, logger, auth, headers, xfwd, changeOrigin } = options;
  const tls = tlsOf(options.target);
  const domain = options.cookieDomainRewrite;
  const path = options.cookiePathRewrite;
  const { host, others } = splitHost(headers);
  const proxyOptions: CompatProxyOptions<CompatContext<Request, Response>> = {
    name: options.name ?? nameOf(options),
    profile: {
      ...passThrough,
      name: 'http-proxy-middleware',
      maxRedirects: followRedirects === true ? 5 : Number(followRedirects ?? 0),
    },
    ...(tls !== undefined && { upstream: { tls } }),
    headers: {
      host: changeOrigin === true ? 'upstream' : 'client',
      request: {
        ...(xfwd === false && { remove: FORWARDED }),
        set: {
          ...others,
          ...(auth !== undefined && { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
        },
      },
      cookies: {
        ...(domain !== undefined && domain !== false && { domain }),
        ...(path !== undefined && path !== false && { path }),
      },
    },
    timeouts: toTimeouts(options),
    onRequest({
      request: {
        context: { target },
      },
    }) {
      // Each request has an exact URL.
      if (options.ignorePath === true) return undefined;
      return { upstream: options.prependPath === false ? target.origin : target };
    },
    async onUpstreamRequest({ request: { context }, upstreamRequest }) {
      const { request, response, target } = context;
      const proxyRequest = new ProxyRequest(upstreamRequest);
      context.proxyRequest = proxyRequest;
      const own = splitHost(context.headers ?? undefined);
      for (const [name, value] of Object.entries(own.others)) upstreamRequest.headers.set(name, value);
      const wantedHost = own.host ?? host;
      if (wantedHost !== undefined && changeOrigin !== true) upstreamRequest.headers.set('Host', wantedHost);
      if (response === null) return on.proxyReqWs?.(proxyRequest, request, request.socket);
      await on.start?.(request, response, target);
      await on.proxyReq?.(proxyRequest, request, response);
      if (context.awaitsContent && !proxyRequest.hasOwnContent) throw contentWasRead();
    },
    async onUpstreamResponse({
      upstreamResponse,
      response: downstream,
      request: { context, host: clientHost },
    }) {
      const { request, response, proxyRequest, target } = context;
      const { headers: fields, status } = downstream;
      if (isRewritten(status)) {
        const asked = askedUrl(target, proxyRequest?.path);
        const place = { asked, clientHost };
        fields.rewrite('Location', (value) => rewriteLocation(value, options, place) ?? value);
      }
      if (response === null || typeof on.proxyRes !== 'function') return;
      const proxyResponse = new ProxyResponse(upstreamResponse, downstream, proxyRequest);
      await on.proxyRes(proxyResponse, request, response);
      proxyResponse.applyTo(downstream);
    },
  };
  if (logger)
    proxyOptions.observers = [
      {
        onTransferEnd(record) {
          const text = formatTransferText(record);
          // A logger's result is used because a promise may reject.
          return record.error === null ? logger.info(text) : logger.error(text);
        },
      },
    ];
  if (on.proxyRes instanceof ResponseInterception)
    proxyOptions.transform = {
      response: new Interception(
        toContentInterceptor(on.proxyRes.interceptor, ({ upstreamResponse, response, request }) => {
          const context = request.context as CompatContext<Request, Response>;
          return {
            proxyResponse: new ProxyResponse(upstreamResponse, response, context.proxyRequest),
            request: context.request,
            // Content after an upgrade belongs to no response.
            response: context.response as Response,
          };
        }),
      ),
    };
  return proxyOptions;
}

/** Joined as text: a path can begin with two slashes, which a relative reference would interpret as a host. */
const askedUrl = ({ origin }: URL, path = '/'): URL => new URL(origin + (path.startsWith('/') ? path : '/'));

/** Separates `host` from the other fields: it is set for each request. */
function splitHost(headers: CompatOptions['headers']): {
  host: string | readonly string[] | undefined;
  others: Record<string, string | readonly string[]>;
} {
  const entries = Object.entries(headers ?? {}).filter(([, value]) => (value as unknown) !== undefined);
  const isHost = ([name]: [string, unknown]): boolean => name.toLowerCase() === 'host';
  return {
    host: entries.find(isHost)?.[1],
    others: Object.fromEntries(entries.filter((entry) => !isHost(entry))),
  };
}

/**
 * `timeout` applies to the client's connection, which is also idle while the target is connected to and waited for.
 * Here, that ends with a response instead of a closed connection.
 */
function toTimeouts({
  timeout,
  proxyTimeout,
}: Pick<CompatOptions, 'timeout' | 'proxyTimeout'>): TimeoutOptions {
  const upstream = shorter(proxyTimeout, timeout, RESPONSE_TIMEOUT_MS);
  const given = {
    ...(isSet(timeout) && { connect: Math.min(timeout, CONNECT_TIMEOUT_MS) }),
    ...(timeout !== undefined && { clientIdle: orOff(timeout) }),
  };
  return upstream === undefined
    ? given
    : { ...given, responseHead: orOff(upstream), upstreamIdle: orOff(upstream) };
}

/** For http-proxy-middleware, 0 means off. */
const orOff = (ms: number): number | false => (ms === 0 ? false : ms);

const isSet = (ms: number | undefined): ms is number => ms !== undefined && ms > 0;

/** Undefined keeps the default; 0 is off. An invalid value is passed on, so that `createProxy` reports it. */
function shorter(
  proxyTimeout: number | undefined,
  timeout: number | undefined,
  usual: number,
): number | undefined {
  if (!isSet(timeout)) return proxyTimeout;
  if (proxyTimeout === undefined) return Math.min(timeout, usual);
  return isSet(proxyTimeout) ? Math.min(timeout, proxyTimeout) : timeout;
}

const contentWasRead = (): SluicewayError =>
  new SluicewayError(
    'proxy_configuration_error',
    'The request content has already been read: mount the proxy before body parsers, or call fixRequestBody in on.proxyReq',
  );
