// @ts-check
import { createProxyMiddleware } from 'http-proxy-middleware';
import { agent, origin, readTimeoutMs, serve } from './server.mjs';

const middleware = createProxyMiddleware({ target: origin.origin, agent, proxyTimeout: readTimeoutMs });

serve((request, response) => {
  middleware(request, response, () => response.destroy());
});
