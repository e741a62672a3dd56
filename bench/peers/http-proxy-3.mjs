// @ts-check
import httpProxy from 'http-proxy-3';
import { agent, origin, readTimeoutMs, serve } from './server.mjs';

const proxy = httpProxy.createProxyServer({
  target: origin.origin,
  agent,
  ...(readTimeoutMs > 0 && { proxyTimeout: readTimeoutMs }),
});
proxy.on('error', (/** @type {Error} */ _, /** @type {any} */ __, /** @type {any} */ response) =>
  response.destroy(),
);

serve((request, response) => proxy.web(request, response));
