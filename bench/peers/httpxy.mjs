// @ts-check
import { createProxyServer } from 'httpxy';
import { agent, origin, serve } from './server.mjs';

const proxy = createProxyServer({ target: origin.origin, agent });

serve((request, response) => {
  proxy.web(request, response).catch(() => response.destroy());
});
