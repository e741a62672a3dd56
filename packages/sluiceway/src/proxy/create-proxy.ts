import { type ProxyOptions, resolveProxyOptions } from './options.js';
import { Proxy } from './proxy.js';

/**
 * Makes a reverse proxy. Everything about its options is checked here: throws an `OptionsError` that lists every
 * problem with its path.
 *
 * `createProxy({ upstream: 'http://127.0.0.1:9000' })` forwards everything to one origin server; mount it with
 * `attach(server, proxy)`, or call `proxy.handle(request, response)` from a handler of your own.
 */
export function createProxy(options: ProxyOptions): Proxy {
  return new Proxy(resolveProxyOptions(options));
}
