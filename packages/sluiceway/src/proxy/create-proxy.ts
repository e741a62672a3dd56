import type { ProxyOptions } from './options/proxy-options.js';
import { resolveProxyOptions } from './options/proxy-settings.js';
import { ReverseProxy } from './proxy.js';
import { createSelector } from './request/select-target.js';

/**
 * Creates a reverse proxy. Checks all options: throws an `OptionsError` that lists every problem with its path.
 *
 * `createProxy({ upstream: 'http://127.0.0.1:9000' })` forwards everything to one origin server. Mount it with
 * `attach(server, proxy)`, or call `proxy.handle(request, response)` from your own handler. `Context` is the type of
 * the `context` that you pass to `handle`; hooks read it as `request.context`.
 */
export function createProxy<Context = unknown>(options: ProxyOptions<Context>): ReverseProxy<Context> {
  // Hooks are only called with the context that was passed to `handle` of this proxy.
  const settings = resolveProxyOptions(options as ProxyOptions);
  return new ReverseProxy<Context>(settings, createSelector(settings));
}
