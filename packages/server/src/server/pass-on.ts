import { GatewayHandler } from '../routes/gateway-handler.js';
import type { RouteHandler } from '../routes/route-handler.js';

/**
 * Tells new handlers what operators and clients have decided at those of the configuration before: blocked keys, revoked
 * links, and single-use links that were used. Returns the handlers that are no longer used.
 */
export function passOn(before: readonly RouteHandler[], now: readonly RouteHandler[]): RouteHandler[] {
  const fresh = now.filter((each) => !before.includes(each));
  const blocked = fresh.length === 0 ? [] : before.flatMap((each) => each.limits.blocks());
  const gateways = before.filter((each) => each instanceof GatewayHandler);
  for (const handler of fresh) {
    handler.block(blocked);
    if (handler instanceof GatewayHandler) for (const each of gateways) handler.inherit(each);
  }
  return before.filter((each) => !now.includes(each));
}
