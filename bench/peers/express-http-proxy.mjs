// @ts-check
import express from 'express';
import proxy from 'express-http-proxy';
import { agent, origin, readTimeoutMs, serve } from './server.mjs';

const app = express();
app.use(
  proxy(origin.origin, {
    timeout: readTimeoutMs,
    proxyReqOptDecorator: (/** @type {object} */ options) => ({ ...options, agent }),
  }),
);

serve(app);
