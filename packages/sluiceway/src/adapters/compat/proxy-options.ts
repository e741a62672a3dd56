import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatTransferText } from '../../observe/transfer-log.js';
import type { ProxyOptions } from '../../proxy/options.js';
import { passThrough } from '../../proxy/profiles.js';
import { ProxyRequest, ProxyResponse } from './messages.js';
import type { CompatOptions } from './options.js';
import { ResponseInterception, toTransform } from './response-interceptor.js';
import { tlsOf } from './targets.js';

/** What the middleware knows of a request. */
export interface CompatContext<Request, Response> {
  request: Request;
  /** Null for an upgrade. */
  response: Response | null;
  /** Where it goes, path included. */
  target: URL;
}

const FORWARDED = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'];

/** The options of a proxy that does what those of http-proxy-middleware say. */
export function toProxyOptions<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): ProxyOptions<CompatContext<Request, Response>> {
  const { on = {}, followRedirects, proxyTimeout, timeout, logger, auth, headers, xfwd } = options;
  const tls = tlsOf(options.target);
  const domain = options.cookieDomainRewrite;
  const path = options.cookiePathRewrite;
  const proxyOptions: ProxyOptions<CompatContext<Request, Response>> = {
    profile: {
      ...passThrough,
      name: 'http-proxy-middleware',
      maxRedirects: followRedirects === true ? 5 : Number(followRedirects ?? 0),
    },
    upstream: { url: UNUSED, ...(tls !== undefined && { tls }) },
    fields: {
      host: options.changeOrigin ? 'upstream' : 'client',
      request: {
        ...(xfwd === false && { remove: FORWARDED }),
        set: {
          ...headers,
          ...(auth !== undefined && { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` }),
        },
      },
      cookies: {
        ...(domain !== undefined && domain !== false && { domain }),
        ...(path !== undefined && path !== false && { path }),
      },
    },
    timeouts: {
      ...(proxyTimeout !== undefined && { responseHead: proxyTimeout, upstreamIdle: proxyTimeout }),
      ...(timeout !== undefined && { clientIdle: timeout }),
    },
    onRequest({ context: { target } }) {
      // An exact URL is given with the request.
      if (options.ignorePath === true) return undefined;
      return { upstream: options.prependPath === false ? target.origin : target };
    },
    async onUpstreamRequest({ downstream: { context }, upstream }) {
      const { request, response, target } = context;
      const proxyRequest = new ProxyRequest(upstream);
      if (response === null) return on.proxyReqWs?.(proxyRequest, request, request.socket);
      on.start?.(request, response, target);
      await on.proxyReq?.(proxyRequest, request, response);
    },
    async onUpstreamResponse({ upstream, downstream, request: { context, host } }) {
      rewriteLocation(downstream, options, context.target, host);
      const { request, response } = context;
      if (response === null || typeof on.proxyRes !== 'function') return;
      const proxyResponse = new ProxyResponse(upstream, downstream);
      await on.proxyRes(proxyResponse, request, response);
      proxyResponse.applyTo(downstream);
    },
  };
  if (logger)
    proxyOptions.observers = [
      {
        onTransferEnd(record) {
          if (record.error === null) logger.info(formatTransferText(record));
          else logger.error(formatTransferText(record));
        },
      },
    ];
  if (on.proxyRes instanceof ResponseInterception)
    proxyOptions.transform = toTransform<CompatContext<Request, Response>>(
      on.proxyRes.interceptor,
      ({ request, response }, received, draft) => ({
        proxyResponse: new ProxyResponse(received, draft),
        request,
        // Content after an upgrade is no response's.
        response: response as Response,
      }),
    );
  return proxyOptions;
}

/** As http-proxy: a Location that names the host of the target, of a 201 or a redirect. */
function rewriteLocation(
  draft: {
    status: number;
    fields: { get(name: string): string | undefined; set(name: string, value: string): unknown };
  },
  {
    hostRewrite,
    autoRewrite,
    protocolRewrite,
  }: Pick<CompatOptions, 'hostRewrite' | 'autoRewrite' | 'protocolRewrite'>,
  target: URL,
  host: string | null,
): void {
  if (hostRewrite === undefined && !autoRewrite && protocolRewrite === undefined) return;
  const location = draft.fields.get('location');
  if (location === undefined || ![201, 301, 302, 303, 307, 308].includes(draft.status)) return;
  if (!URL.canParse(location)) return;
  const url = new URL(location);
  if (url.host !== target.host) return;
  const wanted = hostRewrite ?? (autoRewrite ? host : null);
  if (wanted !== null) {
    // A host without a port has the default one: the setter would leave the old one.
    url.port = '';
    url.host = wanted;
  }
  if (protocolRewrite !== undefined) url.protocol = protocolRewrite;
  draft.fields.set('Location', url.href);
}

/** Stands where an upstream is required; every request has its own. */
const UNUSED = 'http://url.invalid/';
