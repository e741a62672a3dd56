import {
  fileGatewayOptions,
  fileProxyOptions,
  isObject,
  type WrittenOptions,
  withDefaults,
} from './library-options.js';
import { maskSecrets } from './mask.js';

/**
 * The effective configuration. Anchors are written out, each route includes its `defaults`, and `order` is the order in
 * which routes are tried. Secrets are masked.
 */
export function effectiveConfig(written: unknown, order: readonly number[]): unknown {
  if (!isObject(written)) return {};
  const { defaults = {}, routes = [], ...rest } = written;
  const given: WrittenOptions = isObject(defaults) ? defaults : {};
  const list = Array.isArray(routes) ? (routes as unknown[]) : [];
  const ordered = order.map((index) => withDefaultsOf(given, list[index]));
  return maskSecrets({ ...rest, routes: ordered });
}

function withDefaultsOf({ access, ...others }: WrittenOptions, route: unknown): unknown {
  if (!isObject(route)) return route;
  const { proxy, gateway, cors } = route;
  const defaults = cors === undefined ? others : { ...others, cors };
  return {
    ...route,
    ...(route['access'] === undefined && access !== undefined && { access }),
    ...(isObject(proxy) && { proxy: withDefaults(fileProxyOptions, defaults, proxy) }),
    ...(isObject(gateway) && { gateway: withDefaults(fileGatewayOptions, defaults, gateway) }),
  };
}
