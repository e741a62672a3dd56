import type { Gateway } from 'sluiceway/gateway';
import { RouteHandler } from './route-handler.js';

/** A gateway stores which client uses a single-use link, so it is kept as long as possible: new keys do not replace it. */
export class GatewayHandler extends RouteHandler {
  readonly #gateway: Gateway;

  constructor(gateway: Gateway, route: string) {
    super(gateway, gateway, route);
    this.#gateway = gateway;
  }

  reloadKeys(): void {
    this.#gateway.reloadKeys();
  }

  /** Takes over which links are revoked, and which single-use links were used. */
  inherit(previous: GatewayHandler): void {
    this.#gateway.inherit(previous.#gateway);
  }
}
