export type { ProxyRequest, ProxyResponse } from './adapters/compat/messages.js';
export type { ProxyMiddleware } from './adapters/compat/middleware.js';
export { createProxyMiddleware } from './adapters/compat/middleware.js';
export type { CompatOptions, ProxyEvents } from './adapters/compat/options.js';
export type { PathFilter } from './adapters/compat/path-filter.js';
export { fixRequestBody } from './adapters/compat/request-body.js';
export type { Interceptor, ResponseInterception } from './adapters/compat/response-interceptor.js';
export { responseInterceptor } from './adapters/compat/response-interceptor.js';
export type { PathRewrite, ProxyTarget, Router } from './adapters/compat/targets.js';
