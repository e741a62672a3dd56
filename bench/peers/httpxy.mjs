// @ts-check
import { createProxyServer } from 'httpxy';
import { agent, origin, readTimeoutMs, serve } from './server.mjs';

const proxy = createProxyServer({
  target: origin.origin,
  agent,
  ...(readTimeoutMs > 0 && { proxyTimeout: readTimeoutMs }),
});

serve((request, response) => {
  proxy.web(request, response).catch(() => response.destroy());
});
