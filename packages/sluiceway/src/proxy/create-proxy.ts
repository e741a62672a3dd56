import type { ProxyOptions } from './options/proxy-options.js';
import { resolveProxyOptions } from './options/proxy-settings.js';
import { ReverseProxy } from './proxy.js';
import { createSelector } from './request/select-target.js';

/**
 * Makes a reverse proxy. Everything about its options is checked here: throws an `OptionsError` that lists every
 * problem with its path.
 *
 * `createProxy({ upstream: 'http://127.0.0.1:9000' })` forwards everything to one origin server; mount it with
 * `attach(server, proxy)`, or call `proxy.handle(request, response)` from a handler of your own. `Context` is what
 * that gives to `handle` as `context`, and hooks find as `request.context`.
 */
export function createProxy<Context = unknown>(options: ProxyOptions<Context>): ReverseProxy<Context> {
  // Hooks are only ever called with the context that `handle` of this proxy was given.
  const settings = resolveProxyOptions(options as ProxyOptions);
  return new ReverseProxy<Context>(settings, createSelector(settings));
}
