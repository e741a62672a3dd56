import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LinkUse as Facts } from '../access/link-conditions.js';
import type { ClientExchange, ClientRequest, ClientResponse } from '../downstream/exchange.js';
import type { Outcome } from '../errors.js';
import type { ListenerAddress } from '../net/own-listeners.js';
import type { HandleContext } from '../proxy/messages/handle-context.js';
import type { Handler } from '../proxy/messages/handler.js';
import { thirdParty } from '../proxy/options/profiles.js';
import { resolveSelectedOptions } from '../proxy/options/proxy-settings.js';
import { ReverseProxy } from '../proxy/proxy.js';
import { createTransport } from '../upstream/create-transport.js';
import type { GrantOptions } from './grant.js';
import { GrantSelector } from './grant-selector.js';
import { removeIgnored } from './ignored-parameters.js';
import type { VerifiedLink } from './links.js';
import { type GatewayOptions, type GatewaySettings, resolveGatewayOptions } from './options.js';
import type { Revocations } from './revocations.js';

/**
 * Serves files of other servers under links that say what they permit. Made by `createDownloadGateway`; `attach` mounts
 * it on a server.
 */
export class Gateway<Context = unknown> implements Handler<Context> {
  readonly #settings: GatewaySettings;
  readonly #proxy: ReverseProxy;

  readonly #revocations: Revocations;

  constructor(settings: GatewaySettings, proxy: ReverseProxy, revocations: Revocations) {
    this.#settings = settings;
    this.#revocations = revocations;
    this.#proxy = proxy;
  }

  /** Downloads under way. */
  get active(): number {
    return this.#proxy.active;
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

  /** There is nothing to upgrade to: answered as an ordinary request. */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context?: HandleContext<Context>,
  ): Promise<Outcome> {
    return this.#proxy.upgrade(request, socket, head, context);
  }

  /** Makes a link. Throws an `OptionsError` with every problem, and a `TypeError` where the gateway has no keys. */
  sign(grant: GrantOptions): string {
    return this.#links.sign(grant);
  }

  /** What a link permits, or a `SluicewayError` that says why it permits nothing. */
  verify(link: string | URL, use: Facts): VerifiedLink {
    const verified = this.#links.verify(this.#withoutIgnored(link), use);
    this.#revocations.check(verified.id);
    return verified;
  }

  /**
   * Takes a link back: it gets 410 (`link_revoked`) until it expires, and downloads that run under it are broken off.
   * Returns how many those were. This holds for one process, and until it ends. Throws `link_invalid` for what is none of
   * our links.
   */
  revoke(link: string | URL): number {
    const { id, grant } = this.#links.read(this.#withoutIgnored(link));
    return this.#revocations.revoke(id, grant.expires * 1000);
  }

  /**
   * Reads the keys again from their file or variable. Throws an `OptionsError`, and goes on with the keys that it has,
   * where they cannot be read. A file that changes is also noticed by itself, within a second or at the next link.
   */
  reloadKeys(): void {
    this.#links.reloadKeys();
  }

  /** A listener of this process, to which no link may lead: `attach` tells it. */
  listensOn(address: string, port: number): void {
    this.#settings.guard.addListener(address, port);
  }

  /** As of a proxy: running downloads may finish. */
  close(): Promise<void> {
    return this.#proxy.close();
  }

  /** As of a proxy: ends everything now. */
  destroy(): void {
    this.#proxy.destroy();
  }

  /** A link as somebody reports it may have what others have appended. */
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
 * Makes a gateway for files from URLs that others supply, or that must stay hidden. By default it serves signed links
 * and nothing else, connects to public addresses only (judged when they are dialled, also after redirects), tells the
 * other server nothing of the client, and lets nothing but the file in. Throws an `OptionsError` with every problem.
 */
export function createDownloadGateway<Context = unknown>(options: GatewayOptions<Context>): Gateway<Context> {
  // Hooks are only ever called with the context that `handle` of this gateway was given.
  const { settings, proxyOptions } = resolveGatewayOptions(options as GatewayOptions);
  const { policy, resolver } = settings.guard;
  const proxySettings = resolveSelectedOptions(
    { convertHead: 'fallback', ...proxyOptions, profile: PROFILE },
    'createDownloadGateway',
    (transport, protocol) => createTransport({ ...transport, policy, resolver }, protocol),
  );
  const selector = new GrantSelector(settings);
  const { guard } = settings;
  const learnListener = (listener: ListenerAddress | null): void => guard.learnListener(listener);
  const { hidePath, completeHead, revocations } = selector;
  const proxy = new ReverseProxy({ ...proxySettings, hidePath, completeHead, learnListener }, selector);
  return new Gateway(settings, proxy, revocations);
}

/** OPTIONS is for the question that browsers ask before some requests; what a link is for is the link's to say. */
const PROFILE = {
  ...thirdParty,
  name: 'gateway',
  methods: ['GET', 'HEAD', 'OPTIONS'],
  // A link is worth as much as what it leads to.
  setResponseHeaders: { ...thirdParty.setResponseHeaders, 'Referrer-Policy': 'no-referrer' },
};
