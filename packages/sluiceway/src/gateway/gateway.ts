import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LinkUse as Facts } from '../access/link-conditions.js';
import type { ClientExchange, ClientRequest, ClientResponse } from '../downstream/exchange.js';
import type { Outcome } from '../errors.js';
import type { LimitControl } from '../limits/control.js';
import type { LimitRuleOptions } from '../limits/rule-options.js';
import type { ListenerAddress } from '../net/own-listeners.js';
import type { HandleContext } from '../proxy/messages/handle-context.js';
import type { Handler } from '../proxy/messages/handler.js';
import { thirdParty } from '../proxy/options/profiles.js';
import { resolveSelectedOptions } from '../proxy/options/proxy-settings.js';
import { ReverseProxy } from '../proxy/proxy.js';
import type { RunningTransfer, TransferWatcher, WatchOptions } from '../proxy/transfer/running-transfer.js';
import { createTransport } from '../upstream/create-transport.js';
import { gatewayRules } from './gateway-rules.js';
import type { GrantOptions } from './grant.js';
import { GrantSelector } from './grant-selector.js';
import { removeIgnored } from './ignored-parameters.js';
import type { VerifiedLink } from './links.js';
import { type GatewayOptions, type GatewaySettings, resolveGatewayOptions } from './options.js';
import { tellRevoked } from './revocations.js';

/**
 * Serves files from other servers to clients with a link. The link states what it permits. Created by
 * `createDownloadGateway`; mount it on a server with `attach`.
 */
export class Gateway<Context = unknown> implements Handler<Context> {
  readonly #settings: GatewaySettings;
  readonly #proxy: ReverseProxy;

  readonly #selector: GrantSelector;

  constructor(settings: GatewaySettings, proxy: ReverseProxy, selector: GrantSelector) {
    this.#settings = settings;
    this.#selector = selector;
    this.#proxy = proxy;
  }

  /** Whether the gateway has keys. Without keys it serves only URLs without a signature (`unsigned`). */
  get hasKeys(): boolean {
    return this.#settings.links !== null;
  }

  /** The number of running downloads. */
  get active(): number {
    return this.#proxy.active;
  }

  /** The running downloads. Their members keep changing until they end. */
  transfers(): readonly RunningTransfer[] {
    return this.#proxy.transfers();
  }

  /** Tells a listener of changes of the running downloads, like `watch` of a proxy. */
  watch(options: WatchOptions, listener: TransferWatcher): () => void {
    return this.#proxy.watch(options, listener);
  }

  /** What the keys of `limits.rules` use now, and how to block one. */
  get limits(): LimitControl {
    return this.#proxy.limits;
  }

  /** Replaces `limits.rules`, for running downloads too, like `setLimits` of a proxy. */
  setLimits(rules: readonly LimitRuleOptions[]): void {
    this.#proxy.setLimits(rules);
  }

  handle(
    request: ClientRequest,
    response: ClientResponse,
    context?: HandleContext<Context>,
  ): Promise<Outcome> {
    return this.#proxy.handle(request, response, context);
  }

  serve(client: ClientExchange, context?: HandleContext<Context>): Promise<Outcome> {
    return this.#proxy.serve(client, context);
  }

  /** A gateway supports no upgrades. The request is answered as an ordinary one. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context?: HandleContext<Context>,
  ): Promise<Outcome> {
    return this.#proxy.upgrade(request, socket, head, context);
  }

  /** Creates a link. Throws an `OptionsError` that lists every problem, or a `TypeError` if the gateway has no keys. */
  sign(grant: GrantOptions): string {
    return this.#links.sign(grant);
  }

  /** Returns what a link permits. Throws a `SluicewayError` if the link is not valid for this use. */
  verify(link: string | URL, use: Facts): VerifiedLink {
    const verified = this.#links.verify(this.#withoutIgnored(link), use);
    this.#selector.revocations.check(verified.id);
    return verified;
  }

  /**
   * Revokes a link. Requests with it get 410 (`link_revoked`) until it expires, and its running downloads are aborted.
   * Returns the number of downloads that this process has aborted. Without `limits.store`, the revocation applies to this
   * process and is lost when it ends, and to gateways that `inherit` it. With it, it reaches the other processes as soon as the store can be asked. Throws
   * `link_invalid` if the link is not signed with one of the keys.
   */
  revoke(link: string | URL): number {
    const { id, grant } = this.#links.read(this.#withoutIgnored(link));
    return this.#revoke(id, grant.expires * 1000);
  }

  /**
   * Revokes a link by its id, which `verify`, running transfers and limits `by: 'link'` report. It does the same as `revoke`.
   * The link is revoked until it expires if one of its downloads runs, and otherwise for as long as the process or the store
   * remembers it. An id that no link has is revoked, too. Throws a `TypeError` if it is not the form of an id.
   */
  revokeId(id: string): number {
    if (!/^[\w-]{22}$/.test(id)) throw new TypeError('The id of a link has 22 characters of base64url');
    return this.#revoke(id, this.#selector.revocations.expiryOf(id) ?? Number.POSITIVE_INFINITY);
  }

  #revoke(id: string, expires: number): number {
    const { store } = this.#settings;
    if (store !== null) void tellRevoked(store, id, expires);
    return this.#selector.revocations.revoke(id, expires);
  }

  /**
   * Takes over what is known of links at a gateway that this one replaces, for example with other options: which ones are
   * revoked, and which single-use links have been used. Otherwise, they could be used again. Call it before this gateway
   * serves requests.
   */
  inherit(previous: Gateway<Context>): void {
    this.#selector.inherit(previous.#selector);
  }

  /**
   * Reads the keys again from their file or environment variable. If that fails, throws an `OptionsError` and keeps the
   * current keys. The gateway also notices a changed file without this call, at the next link after at most a second.
   */
  reloadKeys(): void {
    this.#links.reloadKeys();
  }

  /** Adds an address of this process, to which no link may lead. `attach` calls it. */
  listensOn(address: string, port: number): void {
    this.#settings.guard.addListener(address, port);
  }

  /** Stops accepting requests and waits for running downloads, like `close` of a proxy. */
  async close(): Promise<void> {
    await this.#proxy.close();
    this.#selector.close();
  }

  /** Aborts everything immediately, like `destroy` of a proxy. */
  destroy(): void {
    this.#selector.close();
    this.#proxy.destroy();
  }

  /** Removes the ignored parameters, which other sites may have appended to the link. */
  #withoutIgnored(link: string | URL): string {
    const text = typeof link === 'string' ? link : link.href;
    const question = text.indexOf('?');
    if (question < 0) return text;
    return text.slice(0, question + 1) + removeIgnored(text.slice(question + 1), this.#settings.ignores);
  }

  get #links(): NonNullable<GatewaySettings['links']> {
    if (this.#settings.links === null) throw new TypeError('The gateway has no keys');
    return this.#settings.links;
  }
}

/**
 * Creates a gateway for files from URLs that others supply, or that must stay hidden. By default it serves only signed
 * links, connects only to public addresses (checked when it connects, also after redirects), sends no data about the
 * client to the other server, and passes only the file to the client. Throws an `OptionsError` that lists every
 * problem.
 */
export function createDownloadGateway<Context = unknown>(options: GatewayOptions<Context>): Gateway<Context> {
  // Hooks are called only with the context that was passed to `handle` of this gateway.
  const { settings, proxyOptions } = resolveGatewayOptions(options as GatewayOptions);
  const { policy, resolver } = settings.guard;
  const proxySettings = resolveSelectedOptions(
    { convertHead: 'fallback', archiveCoding: 'remove', ...proxyOptions, profile: PROFILE },
    'createDownloadGateway',
    (transport, protocol) => createTransport({ ...transport, policy, resolver }, protocol),
  );
  proxySettings.limits.addFixed(gatewayRules(settings));
  const selector = new GrantSelector(settings, proxySettings.limits);
  const { guard } = settings;
  const learnListener = (listener: ListenerAddress | null): void => guard.learnListener(listener);
  const { hidePath } = selector;
  const proxy = new ReverseProxy({ ...proxySettings, hidePath, learnListener }, selector);
  return new Gateway(settings, proxy, selector);
}

/** OPTIONS gets the same 405 as other methods that a link does not permit. Each link restricts the methods. */
const PROFILE = {
  ...thirdParty,
  name: 'gateway',
  methods: ['GET', 'HEAD', 'OPTIONS'],
  // The link itself grants access, so it must not leak through Referer.
  setResponseHeaders: { ...thirdParty.setResponseHeaders, 'Referrer-Policy': 'no-referrer' },
};
