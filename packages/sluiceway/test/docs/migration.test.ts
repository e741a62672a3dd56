import { expect, test } from 'vitest';
import { listOptions, proxyOptions } from '../../src/options.js';
import { codesIn, readPage, tableUnder } from './support/markdown.js';

const page = readPage('docs/migration.md');

/** By the marker of their table: Go 1.26, http-proxy 1.18 (with httpxy 0.5), the last of 3 and 4, 11.6 with reply-from 12.6, 2.1. */
const options: Readonly<Record<string, readonly string[]>> = {
  Go: [
    ...[
      'NewSingleHostReverseProxy',
      'Rewrite',
      'Director',
      'Transport',
      'FlushInterval',
      'ErrorLog',
      'BufferPool',
    ],
    ...['ModifyResponse', 'ErrorHandler', 'ServeHTTP', 'http.StripPrefix'],
    ...['ProxyRequest.In', 'ProxyRequest.Out', 'ProxyRequest.SetURL', 'ProxyRequest.SetXForwarded'],
  ],
  'http-proxy': [
    ...['target', 'forward', 'agent', 'ssl', 'ws', 'xfwd', 'secure', 'toProxy', 'prependPath', 'ignorePath'],
    ...['localAddress', 'changeOrigin', 'preserveHeaderKeyCase', 'auth', 'hostRewrite', 'autoRewrite'],
    ...['protocolRewrite', 'cookieDomainRewrite', 'cookiePathRewrite', 'headers', 'proxyTimeout', 'timeout'],
    ...['followRedirects', 'selfHandleResponse', 'buffer', 'http2', 'httpxy', 'upgradeTimeout', 'httpxy'],
    ...[
      'error',
      'proxyReq',
      'proxyReqWs',
      'proxyRes',
      'open',
      'close',
      'proxySocket',
      'start',
      'end',
      'econnreset',
    ],
    ...['web()', 'ws()', 'listen()', 'close()'],
  ],
  'http-proxy-middleware': [
    ...['pathFilter', 'pathRewrite', 'router', 'plugins', 'ejectPlugins', 'definePlugin()', 'logger'],
    ...[
      'on.error',
      'on.proxyReq',
      'on.proxyReqWs',
      'on.proxyRes',
      'on.open',
      'on.close',
      'on.start',
      'on.end',
    ],
    ...[
      'on.econnreset',
      'fixRequestBody()',
      'responseInterceptor()',
      'upgrade',
      'legacyCreateProxyMiddleware()',
    ],
    ...[
      'onError',
      'onProxyReq',
      'onProxyReqWs',
      'onProxyRes',
      'onOpen',
      'onClose',
      'logProvider',
      'logLevel',
    ],
  ],
  'express-http-proxy': [
    ...['host', 'memoizeHost', 'proxyReqPathResolver', 'forwardPath', 'forwardPathAsync', 'filter'],
    ...['skipToNextHandlerFilter', 'userResDecorator', 'intercept', 'userResHeaderDecorator'],
    ...['proxyReqOptDecorator', 'decorateRequest', 'proxyReqBodyDecorator', 'parseReqBody', 'reqAsBuffer'],
    ...['reqBodyEncoding', 'limit', 'headers', 'preserveHostHdr', 'preserveReqSession', 'https', 'port'],
    ...['timeout', 'proxyErrorHandler', 'sendProxyRequest'],
  ],
  '@fastify/http-proxy': [
    ...['upstream', 'prefix', 'rewritePrefix', 'preHandler', 'beforeHandler', 'preValidation', 'handler'],
    ...['preRewrite', 'proxyPayloads', 'config', 'internalRewriteLocationHeader', 'httpMethods', 'routes'],
    ...[
      'constraints',
      'websocket',
      'wsUpstream',
      'wsServerOptions',
      'wsClientOptions',
      'wsReconnect',
      'wsHooks',
    ],
    ...['reply.fromParameters()', 'replyOptions', 'base', 'http', 'http2', 'undici', 'balancedPoolOptions'],
    ...['cacheURLs', 'disableCache', 'contentTypesToEncode', 'retryMethods', 'maxRetriesOn503'],
    ...['disableRequestLogging', 'globalAgent', 'destroyAgent', 'queryString', 'contentType', 'retryDelay'],
    ...['retriesCount', 'onResponse', 'onError', 'body', 'rewriteHeaders', 'rewriteRequestHeaders'],
    ...['getUpstream', 'method', 'timeout'],
  ],
};

test.for(Object.entries(options))('every option of %s has its row, and no other', ([name, expected]) => {
  const names = tableUnder(page, `migration: ${name}`).flatMap(([theirs = '']) => codesIn(theirs));
  expect(names.toSorted()).toEqual(expected.toSorted());
});

test('every row says what to use, or why there is nothing', () => {
  for (const name of Object.keys(options)) {
    for (const [theirs = '', ours = ''] of tableUnder(page, `migration: ${name}`)) {
      const says = codesIn(ours).length > 0 || /\bbecause\b|\bas `|: |^The same|^The rows/i.test(ours);
      expect(says, `${theirs}: ${ours}`).toBe(true);
    }
  }
});

test('every option of ours that a table names exists', () => {
  const documented = new Set(listOptions(proxyOptions).map(({ path }) => path));
  const named = Object.keys(options).flatMap((name) =>
    tableUnder(page, `migration: ${name}`).flatMap(([, ours = '']) =>
      codesIn(ours).flatMap(
        (code) => /^(?:headers|timeouts|limits|upstream\.(?:tls|connections|pro))[\w.]*/.exec(code) ?? [],
      ),
    ),
  );
  expect(named).toContain('headers.cookies.domain');
  expect(named.filter((path) => !documented.has(path) && path !== 'headers.has')).toEqual([]);
});
