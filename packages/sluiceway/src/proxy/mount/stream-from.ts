import type { ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import { type Digest, parseDigest } from '../../http/digest.js';
import { publicAddressesOfOthers } from '../../net/own-listeners.js';
import { createTransport, type UpstreamProtocol } from '../../upstream/create-transport.js';
import type { Transport } from '../../upstream/transport.js';
import type { TransportOptions } from '../../upstream/transport-options.js';
import type { HandleContext } from '../messages/handle-context.js';
import type { ProxyOptions } from '../options/proxy-options.js';
import { resolveSelectedOptions } from '../options/proxy-settings.js';
import type { UpstreamTlsOptions } from '../options/upstream-tls.js';
import { ReverseProxy } from '../proxy.js';
import { UrlSelector } from '../request/select-target.js';

/** As for `createProxy`; the URL of the call takes the upstream's place. */
export interface StreamFromOptions<Context = unknown>
  extends Omit<ProxyOptions<Context>, 'upstream' | 'onRequest'> {
  /** How to reach an https: URL: a private CA, a client certificate. Default: what Node trusts. */
  tls?: UpstreamTlsOptions;
  /** As `upstream.egressProxy`: needs `addresses: 'any'`. Default none. */
  egressProxy?: string | URL;
  /** As `upstream.protocol`. Default `http1`. */
  protocol?: UpstreamProtocol;
  /**
   * What the file must hash to: `'sha256:<hex>'` or a member of `Repr-Digest`, or the same by SHA-512. It is verified
   * while it is relayed, and a response with other content is broken off before its end. Default none.
   */
  digest?: string;
}

/** Where a file is: its URL, or its URLs on several servers in the order in which they are asked. */
export type FileUrl = string | URL | readonly (string | URL)[];

/** Proxies of earlier calls, one for each options object. */
const proxies = new WeakMap<StreamFromOptions, ReverseProxy>();
const defaults: StreamFromOptions = {};

/** Connections are shared by all calls whose transports would be equal, however often their options are written out. */
const transports = new Map<string, Transport>();

/**
 * Answers a request with the file at `url`, relayed while it arrives: status, the fields that may pass, the
 * content; a range that the client asks for is asked for. Resolves with the outcome when the response has ended,
 * and never rejects (but for `errors: 'throw'`). Throws an `OptionsError` at once where an option is not valid.
 *
 * By default the URL is taken for one that a user supplied: only public addresses are connected to (judged on the
 * address actually dialled, also after redirects), only GET and HEAD are served, nothing of the client's secrets
 * goes out, no cookies and nothing active comes in (profile `thirdParty`). For a URL that you trust,
 * `{ profile: passThrough, addresses: 'any' }` relays all methods, request content and all end-to-end fields.
 *
 * Several URLs are those of one file, asked in the order given: where one fails, the next one takes over, in the middle of
 * the file too, if it proves to have the same.
 *
 * `context` is for adapters of frameworks: as that of `handle`.
 */
export function streamFrom<Context = unknown>(
  request: ClientRequest,
  response: ClientResponse,
  url: FileUrl,
  options: StreamFromOptions<Context> = defaults,
  context: Omit<HandleContext<Context>, 'url'> = {},
): Promise<Outcome> {
  // Hooks are only ever called with the context of a call that had these options.
  return proxyFor(options as StreamFromOptions).handle(request, response, { ...context, ...toPlaces(url) });
}

/** What a context says of them. An empty list has none, which is refused as any other URL that is not valid. */
export function toPlaces(url: FileUrl): Pick<HandleContext, 'url' | 'mirrors'> {
  if (typeof url === 'string' || url instanceof URL) return { url };
  const [first = '', ...mirrors] = url;
  return { url: first, mirrors };
}

/** The proxy of all calls with these options; each request names its `url`. */
export function proxyFor(options: StreamFromOptions): ReverseProxy {
  let proxy = proxies.get(options);
  if (proxy === undefined) {
    const { tls, egressProxy: egress, protocol, digest: given, ...others } = options;
    const upstream = {
      ...(tls !== undefined && { tls }),
      ...(egress !== undefined && { egressProxy: egress }),
      ...(protocol !== undefined && { protocol }),
    };
    let digest: Digest | null = null;
    const settings = resolveSelectedOptions(
      { profile: 'thirdParty', ...others, upstream },
      'streamFrom',
      tls === undefined ? sharedTransport : undefined,
      (check) => {
        digest = check.parsed('digest', given, null, parseDigest);
        for (const name of ['upstream', 'onRequest'] as const)
          if ((options as ProxyOptions)[name] !== undefined)
            check.problem(name, 'cannot be given here: the URL of the call is the target');
      },
    );
    proxy = new ReverseProxy(settings, new UrlSelector(digest));
    proxies.set(options, proxy);
  }
  return proxy;
}

function sharedTransport(options: TransportOptions, protocol: UpstreamProtocol): Transport {
  const { policy, ...numbers } = options;
  const key = JSON.stringify([policy === publicAddressesOfOthers, protocol, numbers]);
  const transport = transports.get(key) ?? createTransport(options, protocol);
  transports.set(key, transport);
  return transport;
}
